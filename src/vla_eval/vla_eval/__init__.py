"""Evaluation of policies: episodes, demonstrations, statistics and reports."""
