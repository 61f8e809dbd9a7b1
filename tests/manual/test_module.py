"""The module that the manual builds: the code on the page is the whole of it, a wheel brings it, a server has it."""

from __future__ import annotations

import zipfile

from tests.support import manual
from tests.support.manual import MODULE_PAGE, Site

PACKAGE = f"{manual.SITE}/greet/"


def test_a_wheel_of_the_code_on_the_page_is_installed_loaded_and_asked(site: Site) -> None:
    """The page does all that: its commands build and install the wheel, start the server, and ask it."""
    site.follow(MODULE_PAGE)
    on_the_page = {
        block.caption.removeprefix(PACKAGE)
        for block in manual.blocks(MODULE_PAGE)
        if block.caption is not None and block.caption.startswith(PACKAGE)
    }
    (wheel,) = (site.site / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        brought = {name for name in archive.namelist() if ".dist-info/" not in name}
        assert brought == on_the_page - {"pyproject.toml"}
        module = archive.read("my_package/my_module.py").decode("utf-8")
    pieces = [block.text for block in manual.blocks(MODULE_PAGE) if (block.caption or "").endswith("/my_module.py")]
    assert module == "\n\n".join(pieces)


def test_what_is_loaded_is_what_was_installed(site: Site) -> None:
    """And without it, LoadModule says what is missing."""
    site.write(f"{manual.SITE}/conf/httpd.conf", "Listen 127.0.0.1:8080\nLoadModule my_module my_package.my_module\n")
    printed, status = site.run(f"pyhttpd -t -f {manual.SITE}/conf/httpd.conf")
    assert "ModuleNotFoundError: No module named 'my_package'" in printed
    assert status == 1
    for block in manual.blocks(MODULE_PAGE):
        if block.caption is not None and block.caption.startswith(PACKAGE):
            site.write(block.caption, block.text)
    assert site.run(f"pip install --quiet --no-deps --no-build-isolation {PACKAGE}") == ("", 0)
    printed, status = site.run("python -c 'import my_package.my_module as m; print(m.__file__)'")
    assert printed.startswith(str(site.root))
    assert printed.endswith("/site-packages/my_package/my_module.py\n")
    (site.site / "logs").mkdir()
    printed, status = site.run(f"pyhttpd -f {manual.SITE}/conf/httpd.conf -M")
    assert " my_module (shared)\n" in printed
    assert status == 0
