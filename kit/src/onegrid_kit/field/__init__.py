"""The field log: entries that were made offline on devices, arrive late and in any order, and are judged the same.

`log` keeps what arrives, with `device_keys` for whose it is and `signing` for whether it is; `judging` says what it
comes to, on `clocks`, `datums` and `model`; `tags` and `checkpoint_codes` verify what is read at a checkpoint. How a
device makes entries: docs/field-log.md. Why entries are bytes: ADR 18.
"""
