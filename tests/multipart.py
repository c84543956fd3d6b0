"""Bodies of `multipart/form-data`, as a browser or curl writes them."""

CONTENT_TYPE = "multipart/form-data; boundary=edge"


def multipart(*files: tuple[str, bytes], field: str = "file") -> bytes:
    """The body with these files."""
    parts = [
        f'--edge\r\ncontent-disposition: form-data; name="{field}"; filename="{name}"\r\n'
        f"content-type: application/octet-stream\r\n\r\n".encode()
        + content
        + b"\r\n"
        for name, content in files
    ]
    return b"".join(parts) + b"--edge--\r\n"
