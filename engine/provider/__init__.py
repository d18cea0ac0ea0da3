"""Answers for somebody else's analysis: a verdict per question, from a run that only observes.

What asks is the `web` provider of an AnalysisTemplate of Argo Rollouts, or anything else that polls by HTTP.
The Rollout goes on moving its traffic by its own steps; nothing of it is replaced or written.
"""
