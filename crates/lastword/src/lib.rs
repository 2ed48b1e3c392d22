//! The connection layer a game server embeds: it knows why, hears the last word, notices silence.
