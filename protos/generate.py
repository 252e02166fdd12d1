"""Generates the Python package of the contracts into ``protos/gen``; quick when nothing has changed.

Third-party protos are not in the repository: googleapis come with googleapis-common-protos, the well-known types with
grpcio-tools, and protovalidate's rules as a descriptor inside its own package.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUT = HERE / "gen"
STAMP = OUT / ".stamp"


def sources() -> list[Path]:
    """Our own protos, sorted."""
    return sorted((HERE / "onegrid").rglob("*.proto"))


def _state() -> str:
    digest = hashlib.sha256()
    tools = ("grpcio-tools", "googleapis-common-protos", "protovalidate", "mypy-protobuf")
    for tool in tools:
        digest.update(f"{tool} {version(tool)}".encode())
    for path in (Path(__file__), *sources()):
        digest.update(path.relative_to(HERE).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _third_party(target: Path) -> None:
    """Write the descriptors of protovalidate's rules and the well-known types that they import."""
    from google.protobuf import descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2
    from protovalidate._gen.buf.validate import validate_pb

    found = descriptor_pb2.FileDescriptorSet()
    for module in (descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2):
        module.DESCRIPTOR.CopyToProto(found.file.add())
    found.file.add().ParseFromString(validate_pb._DESC.proto.to_binary())
    target.write_bytes(found.SerializeToString())


def generate(descriptors: Path | None = None) -> None:
    """Generate the stubs, and on request the descriptor set that buf reads."""
    from grpc_tools import protoc

    state = _state()
    if STAMP.exists() and STAMP.read_text() == state and (descriptors is None or descriptors.exists()):
        return
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    third_party = OUT / ".third-party.binpb"
    _third_party(third_party)
    names = [path.relative_to(HERE).as_posix() for path in sources()]
    services = [name for name in names if name.endswith("_service.proto")]
    given = [f"--descriptor_set_in={third_party}", f"-I{HERE}"]
    binaries = Path(sys.executable).parent
    calls = [
        [*given, f"--python_out={OUT}", f"--pyi_out={OUT}", *names, "buf/validate/validate.proto"],
        [
            *given,
            f"--plugin=protoc-gen-mypy_grpc={binaries / 'protoc-gen-mypy_grpc'}",
            f"--grpc_python_out={OUT}",
            f"--mypy_grpc_out={OUT}",
            *services,
        ],
    ]
    if descriptors is not None:
        descriptors.parent.mkdir(parents=True, exist_ok=True)
        calls.append(
            [*given, "--include_imports", "--include_source_info", f"--descriptor_set_out={descriptors}", *names]
        )
    for call in calls:
        if protoc.main(["protoc", *call]) != 0:
            raise SystemExit("the protos do not compile; see above")
    third_party.unlink()
    for folder in {path.parent for path in OUT.rglob("*_pb2.py")}:
        (folder / "py.typed").touch()
    STAMP.write_text(state)


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
