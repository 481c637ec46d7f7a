"""Chapters: finding them, executing them, recording what they compute."""
