//! The events of the session as its game hears them: joined, frames, lost and back in turn, and left once.

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Before,
    Here,
    Lost,
    Left,
}

#[derive(Debug, Default)]
pub(crate) struct History(State);

impl History {
    pub(crate) fn joined(&mut self) {
        assert_eq!(self.0, State::Before, "a session begins once");
        self.0 = State::Here;
    }

    pub(crate) fn frame(&mut self) {
        assert_eq!(self.0, State::Here, "a frame of a player who is not there");
    }

    /// Also of a connection that the client never confirmed, of which the game has heard nothing.
    pub(crate) fn lost(&mut self) {
        assert!(matches!(self.0, State::Here | State::Lost), "{self:?}");
        self.0 = State::Lost;
    }

    pub(crate) fn back(&mut self) {
        assert_eq!(
            self.0,
            State::Lost,
            "a player comes back once for each loss"
        );
        self.0 = State::Here;
    }

    pub(crate) fn left(&mut self) {
        assert!(matches!(self.0, State::Here | State::Lost), "{self:?}");
        self.0 = State::Left;
    }

    pub(crate) fn has_left(&self) -> bool {
        self.0 == State::Left
    }
}
