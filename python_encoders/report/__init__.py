"""The report: a page that shows all scenarios. Plotly is imported here alone."""

from python_encoders.report.page import write_report

__all__ = ["write_report"]
