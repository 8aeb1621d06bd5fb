//! Bugs that are planted at the seams of the simulation: each must be found by its rules.

/// A planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    Nothing,
    /// The client is answered as soon as its records are on their way.
    AcknowledgeEarly,
    /// One outcome in a hundred never reaches its core.
    DropAnOutcome,
    /// A call in which one record failed is sent again as a whole.
    RetryTheWholeBatch,
    /// One request in fifty is answered a second time.
    AnswerTwice,
    /// A call in which a record failed is taken for stored.
    TakePartForWhole,
    /// A lost answer is taken for a sure failure.
    CallAmbiguousCertain,
    /// The disk says that all is synced, and nothing is: answers do not wait for it.
    AnswerBeforeTheDisk,
    /// A courier that is told to stop ends without what is still in its inbox.
    EndWithoutTheRest,
}

impl Plant {
    /// All, each with a word of what is said of it.
    pub(crate) const ALL: &[(Self, &str)] = &[
        (Self::AcknowledgeEarly, "was answered"),
        (Self::DropAnOutcome, "outcome"),
        (Self::RetryTheWholeBatch, "times"),
        (Self::AnswerTwice, "answered twice"),
        (Self::TakePartForWhole, "was answered"),
        (Self::CallAmbiguousCertain, "none"),
        (Self::AnswerBeforeTheDisk, "never came"),
        (Self::EndWithoutTheRest, "outcome"),
    ];
}
