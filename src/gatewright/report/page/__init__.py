"""Show an explanation as one HTML page, in which the network itself runs."""

from gatewright.report.page.write import WrittenPage, write_page

__all__ = ["WrittenPage", "write_page"]
