"""One subject a file, and none of them knows anything of a server."""
