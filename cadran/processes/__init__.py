"""Processes: one ``main(argv)`` per file; they build, start, supervise and stop, and may import anything."""
