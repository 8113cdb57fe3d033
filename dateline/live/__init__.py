"""An outlet: server-sent events to readers, one encoding a dispatch, no task a reader."""
