"""What a user does, once, for the command and the SDK alike: values in, values out, nothing printed."""
