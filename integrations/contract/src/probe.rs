//! What a look at a target finds, before anything is sent to it.

/// One thing that was seen of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// How it stands.
    pub standing: Standing,
    /// What was seen, in one line without secrets.
    pub what: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// How something stands with a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// As the settings say.
    Good,
    /// It could not be asked, or may be meant so: nothing that stops the target.
    Doubtful,
    /// The target cannot be used like this.
    Wrong,
}

impl Observation {
    /// Something that is as it should be.
    pub fn good(what: impl Into<String>) -> Self {
        Self {
            standing: Standing::Good,
            what: what.into(),
            remedy: None,
        }
    }

    /// Something to know, with what to do about it.
    pub fn doubtful(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            standing: Standing::Doubtful,
            what: what.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// Something that stops the target, with what to do about it.
    pub fn wrong(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            standing: Standing::Wrong,
            what: what.into(),
            remedy: Some(remedy.into()),
        }
    }
}
