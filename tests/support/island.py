"""A network namespace at the end of a cable that can be pulled: who is in there vanishes without a
word, as behind a Wi-Fi that is out of reach."""

import os
import shlex
import shutil
import subprocess
import sys
from typing import Self

import pytest

from tests.support.processes import Process


class Island:
    """Its side of the cable has the address `there`, this machine's side `here`."""

    def __init__(self) -> None:
        """Skips the test where the kernel allows no namespaces."""
        number = os.getpid() % 16_384
        block, first = f"198.18.{number // 64}", number % 64 * 4  # kept free for tests by RFC 2544
        self.here, self.there = f"{block}.{first + 1}", f"{block}.{first + 2}"
        self.name = f"island{os.getpid()}"
        self._far = f"far{os.getpid()}"

    def __enter__(self) -> Self:
        near = f"near{os.getpid()}"
        if shutil.which("ip") is None:
            pytest.skip("ip is missing: apt-get install iproute2")
        try:
            _ip(f"netns add {self.name}")
            _ip(f"link add {near} type veth peer name {self._far} netns {self.name}")
            _ip(f"address add {self.here}/30 dev {near}")
            _ip(f"link set {near} up")
            _ip(f"-n {self.name} address add {self.there}/30 dev {self._far}")
            self.plug_in()
        except subprocess.CalledProcessError as error:
            self.__exit__()
            pytest.skip(f"no network namespaces here: {error.stderr.strip()}")
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(
            shlex.split(f"ip netns delete {self.name}"), check=False, capture_output=True
        )

    def inhabitant(self, module: str, *arguments: str, **environment: str) -> Process:
        """A Python module that runs in there."""
        command = [*shlex.split(f"ip netns exec {self.name}"), sys.executable, "-m", module]
        return Process(self.name, [*command, *arguments], **environment)

    def pull_the_cable(self) -> None:
        """From now on nothing gets in or out, and nobody is told."""
        _ip(f"-n {self.name} link set {self._far} down")

    def plug_in(self) -> None:
        """The cable carries again."""
        _ip(f"-n {self.name} link set {self._far} up")


def _ip(command: str) -> None:
    subprocess.run(shlex.split(f"ip {command}"), check=True, capture_output=True, text=True)
