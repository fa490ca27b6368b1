"""Pusher: TFX's own, with versions that servers take for the newest."""
