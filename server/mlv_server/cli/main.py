"""The command mlv-server."""

from __future__ import annotations

import os
import time

import click

from mlv_core import failpoints, kernels
from mlv_server.cli import access, care, serve
from mlv_server.cli.output import reporting
from mlv_server.rpc.info import server_version


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(server_version(), prog_name="mlv-server")
@reporting
def main() -> None:
    """Run and look after an mlv server on its host."""
    armed = os.environ.get(failpoints.VARIABLE)
    if armed:
        failpoints.arm(armed, os._exit, time.sleep)
    kernels.choose(os.environ.get(kernels.VARIABLE, ""))


main.add_command(serve.init)
main.add_command(serve.start)
main.add_command(serve.verify)
main.add_command(serve.check_config)
main.add_command(care.backup)
main.add_command(care.snapshots)
main.add_command(care.restore)
main.add_command(care.gc)
main.add_command(access.user)
main.add_command(access.token)

if __name__ == "__main__":
    main()
