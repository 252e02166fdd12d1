"""What is measured, a module a subject: `measure(platform)` yields its figures. A new module is found by itself."""
