"""The project on Apache Spark."""
