"""Choices on a page: one self-contained HTML file (``page.render``), and the one number formatter (``formatting``)."""
