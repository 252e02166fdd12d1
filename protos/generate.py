"""Generates the Python package of the contracts into ``protos/gen``; quick when nothing has changed.

Beside the stubs it holds the one list of contracts and of the services that serve them, from which everything else
takes them: `onegrid.contracts` has those, `onegrid.stubs` a client of each contract. A contract is on it by its
``<name>/v1/<name>_service.proto``; it has a service of its own unless its option `served_by` names another one.

Third-party protos are not in the repository: googleapis come with googleapis-common-protos, the well-known types with
grpcio-tools, and protovalidate's rules as a descriptor inside its own package.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorSet, ServiceOptions

HERE = Path(__file__).resolve().parent
OUT = HERE / "gen"
STAMP = OUT / ".stamp"
DESCRIPTORS = OUT / ".protos.binpb"
CLIENT_POLICY = HERE / "onegrid/grpc_service_config.json"


def sources() -> list[Path]:
    """Our own protos, sorted."""
    return sorted((HERE / "onegrid").rglob("*.proto"))


def _state() -> str:
    digest = hashlib.sha256()
    tools = ("grpcio-tools", "googleapis-common-protos", "protovalidate", "mypy-protobuf")
    for tool in tools:
        digest.update(f"{tool} {version(tool)}".encode())
    for path in (Path(__file__), CLIENT_POLICY, *sources()):
        digest.update(path.relative_to(HERE).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _third_party(target: Path) -> None:
    """Write the descriptors of protovalidate's rules and the well-known types that they import."""
    from google.protobuf import any_pb2, descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2
    from protovalidate._gen.buf.validate import validate_pb

    found = descriptor_pb2.FileDescriptorSet()
    for module in (any_pb2, descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2):
        module.DESCRIPTOR.CopyToProto(found.file.add())
    found.file.add().ParseFromString(validate_pb._DESC.proto.to_binary())
    target.write_bytes(found.SerializeToString())


def generate(descriptors: Path | None = None) -> None:
    """Generate the stubs, and on request the descriptor set that buf reads."""
    state = _state()
    if not STAMP.exists() or STAMP.read_text() != state:
        # Processes that import the stubs meanwhile keep the old ones; so does a proto that does not compile.
        with tempfile.TemporaryDirectory(dir=HERE, prefix=".gen-") as folder:
            new = Path(folder) / "new"
            _generate(new)
            (new / STAMP.name).write_text(state)
            if OUT.exists():
                OUT.rename(Path(folder) / "old")
            new.rename(OUT)
    if descriptors is not None and not (descriptors.exists() and descriptors.read_bytes() == DESCRIPTORS.read_bytes()):
        descriptors.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(DESCRIPTORS, descriptors)


def _generate(out: Path) -> None:
    from grpc_tools import protoc

    out.mkdir()
    third_party = out / ".third-party.binpb"
    _third_party(third_party)
    names = [path.relative_to(HERE).as_posix() for path in sources()]
    services = [name for name in names if name.endswith("_service.proto")]
    given = [f"--descriptor_set_in={third_party}", f"-I{HERE}"]
    calls = [
        [*given, f"--python_out={out}", f"--pyi_out={out}", *names, "buf/validate/validate.proto"],
        [
            *given,
            f"--plugin=protoc-gen-mypy_grpc={_plugin()}",
            f"--grpc_python_out={out}",
            f"--mypy_grpc_out=quiet:{out}",
            *services,
        ],
        [
            *given,
            "--include_imports",
            "--include_source_info",
            f"--descriptor_set_out={out / DESCRIPTORS.name}",
            *names,
        ],
    ]
    for call in calls:
        if protoc.main(["protoc", *call]) != 0:
            raise SystemExit("the protos do not compile; see above")
    third_party.unlink()
    _list_services(out)
    shutil.copyfile(CLIENT_POLICY, out / CLIENT_POLICY.relative_to(HERE))
    _ship_descriptors(out)
    for package in {path.parent for path in out.rglob("*_pb2.py")}:
        (package / "py.typed").touch()


def _ship_descriptors(out: Path) -> None:
    """The contracts for clients in other languages, with the messages in which errors come."""
    from google.protobuf import descriptor_pb2
    from google.rpc import error_details_pb2, status_pb2

    found = descriptor_pb2.FileDescriptorSet.FromString((out / DESCRIPTORS.name).read_bytes())
    for file in found.file:
        file.ClearField("source_code_info")
    # What they import is among the contracts' own imports.
    for module in (status_pb2, error_details_pb2):
        module.DESCRIPTOR.CopyToProto(found.file.add())
    (out / "onegrid" / "protos.binpb").write_bytes(found.SerializeToString())


_CONTRACTS = '''"""The contracts by name, and the services that serve them. Written by protos/generate.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from google.protobuf.descriptor import ServiceDescriptor

{imports}

__all__ = ["CONTRACTS", "SERVICES"]

CONTRACTS: Final[Mapping[str, ServiceDescriptor]] = {{
{entries}}}
SERVICES: Final[Mapping[str, tuple[str, ...]]] = {{
{services}}}
"""The names of the contracts that each service serves, its own first."""
'''
_CONTRACT = '    "{name}": {name}_service_pb2.DESCRIPTOR.services_by_name["{contract}"],\n'
_STUBS = '''"""A client of all contracts. Written by protos/generate.py."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import grpc.aio

{imports}

__all__ = ["Stubs"]


class Stubs:
    """A stub for each contract, over the channel of the service that serves it."""

    def __init__(self, channels: Mapping[str, grpc.aio.Channel]) -> None:
        self.channels = channels
        """By service; a service without a channel can't be called."""
{entries}'''
_STUB = '''
    @cached_property
    def {name}(self) -> {name}_service_pb2_grpc.{contract}AsyncStub:
        """{contract}."""
        return {name}_service_pb2_grpc.{contract}Stub(self.channels["{server}"])
'''


def _list_services(out: Path) -> None:
    """Write the modules that list all contracts and services."""
    from google.protobuf.descriptor_pb2 import FileDescriptorSet

    found = FileDescriptorSet.FromString((out / DESCRIPTORS.name).read_bytes())
    files = {file.name: file for file in found.file}
    names = sorted(path.parts[-3] for path in sources() if path.name == f"{path.parts[-3]}_service.proto")
    services = {name: files[f"onegrid/{name}/v1/{name}_service.proto"].service[0] for name in names}
    served_by = _reader_of_served_by(found)
    servers = {name: served_by(service.options) or name for name, service in services.items()}
    for name, server in servers.items():
        if servers.get(server) != server:
            raise SystemExit(f"{name}: served_by names {server!r}, which is no service with a contract of its own")
    contracts = [
        {"name": name, "contract": service.name, "server": servers[name]} for name, service in services.items()
    ]
    served = {
        server: (server, *(name for name in names if servers[name] == server != name))
        for server in sorted(set(servers.values()))
    }
    listed = "".join(f"    {json.dumps(server)}: ({_quoted(each)}),\n" for server, each in served.items())
    for module, template, imported, entry in (
        ("contracts", _CONTRACTS, "pb2", _CONTRACT),
        ("stubs", _STUBS, "pb2_grpc", _STUB),
    ):
        imports = "\n".join(f"from onegrid.{name}.v1 import {name}_service_{imported}" for name in names)
        entries = "".join(entry.format(**each) for each in contracts)
        (out / f"onegrid/{module}.py").write_text(template.format(imports=imports, entries=entries, services=listed))


def _quoted(names: tuple[str, ...]) -> str:
    return "".join(f"{json.dumps(name)}, " for name in names).rstrip(" " if len(names) == 1 else ", ")


def _reader_of_served_by(files: FileDescriptorSet) -> Callable[[ServiceOptions], str]:
    """Reads the option of a service; the stubs that know it are only being made."""
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message_factory import GetMessageClass

    pool = DescriptorPool()
    for file in files.file:
        pool.Add(file)
    option = pool.FindExtensionByName("onegrid.options.v1.served_by")
    known = GetMessageClass(pool.FindMessageTypeByName("google.protobuf.ServiceOptions"))
    return lambda options: str(known.FromString(options.SerializeToString()).Extensions[option])


def _plugin() -> str:
    # Beside Python in a venv, but on the PATH alone in pip's isolated builds.
    name = "protoc-gen-mypy_grpc"
    found = shutil.which(name, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if found is None:
        raise SystemExit(f"{name} is missing: it comes with mypy-protobuf")
    return found


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
