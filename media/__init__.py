"""The media worker: forwards RTP between the people of a room as its routes say, and never decodes it."""
