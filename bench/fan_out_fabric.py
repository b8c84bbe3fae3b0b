"""Plain Fabric: a thread pool, one command for each host. argv: key, command, addresses."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import measure
from fabric import Config, Connection


def main(key: str, command: str, *addresses: str) -> None:
    config = Config(overrides={"load_ssh_configs": False})

    def one(address: str) -> None:
        connect = {"key_filename": key, "look_for_keys": False, "allow_agent": False}
        with Connection(address, user="root", config=config, connect_kwargs=connect) as connection:
            connection.run(command, hide=True, in_stream=False)

    def every() -> None:
        with ThreadPoolExecutor(50) as pool:
            list(pool.map(one, addresses))

    print(json.dumps({"all": measure.timed(every)}), flush=True)


main(*sys.argv[1:])
