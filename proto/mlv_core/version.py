"""The version of the distribution, for the build and for every program alike: asking the installation takes 13 ms."""

VERSION = "0.1.0"
