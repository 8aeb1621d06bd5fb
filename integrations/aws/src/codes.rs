//! What the error codes of the AWS services mean for a record: one table, read by all rooms.

/// What an error code of a whole call says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeMeaning {
    /// Slow down; nothing was stored.
    Throttled,
    /// The target is not ready or in the way of itself; nothing was stored.
    NotReady,
    /// The service failed, and cannot say how far it came.
    Failing,
    /// The credentials are known and may not do this.
    AccessDenied,
    /// The credentials are missing, wrong or expired.
    AuthenticationFailed,
    /// The table, stream or topic does not exist.
    Missing,
    /// Whoever answers is not the service, or not with such a target.
    Mismatch,
    /// The call is larger than the service takes.
    TooLarge,
    /// The call is not valid; a call of one record condemns that record.
    Invalid,
}

use CodeMeaning::{
    AccessDenied, AuthenticationFailed, Failing, Invalid, Mismatch, Missing, NotReady, Throttled,
    TooLarge,
};

/// Codes with their meaning. An `Exception` at the end of a code is cut off before it is looked up.
const CODES: &[(CodeMeaning, &[&str])] = &[
    (
        Throttled,
        &[
            "ProvisionedThroughputExceeded",
            "Throttling",
            "Throttled",
            "ThrottledRequest",
            "ThrottlingError",
            "RequestThrottled",
            "RequestLimitExceeded",
            "LimitExceeded",
            "TooManyRequests",
            "BandwidthLimitExceeded",
            "SlowDown",
            "PriorRequestNotComplete",
            "EC2ThrottledException",
            "KMSThrottling",
            "TransactionInProgress",
        ],
    ),
    (
        NotReady,
        &[
            "ResourceInUse",
            "ResourceNotReady",
            "TransactionConflict",
            "ReplicatedWriteConflict",
        ],
    ),
    (
        Failing,
        &[
            "InternalFailure",
            "InternalServerError",
            "InternalServerErrorException",
            "InternalError",
            "ServiceUnavailable",
            "RequestTimeout",
        ],
    ),
    (
        AccessDenied,
        &[
            "AccessDenied",
            "AuthorizationError",
            "UnauthorizedOperation",
            "NotAuthorized",
            "OptInRequired",
            "SubscriptionRequired",
            "KMSAccessDenied",
            "KMSDisabled",
            "KMSInvalidState",
            "KMSNotFound",
            "KMSOptInRequired",
        ],
    ),
    (
        AuthenticationFailed,
        &[
            "UnrecognizedClient",
            "InvalidSignature",
            "SignatureDoesNotMatch",
            "IncompleteSignature",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "InvalidClientTokenId",
            "InvalidAccessKeyId",
            "ExpiredToken",
            "RequestExpired",
            "RequestTimeTooSkewed",
            "InvalidSecurity",
            "InvalidToken",
        ],
    ),
    (Missing, &["ResourceNotFound", "NotFound", "TableNotFound"]),
    (
        Mismatch,
        &[
            "UnknownOperation",
            "InvalidAction",
            "UnknownOperationException",
        ],
    ),
    (
        TooLarge,
        &[
            "RequestEntityTooLarge",
            "RequestTooLarge",
            "BatchRequestTooLong",
            "ItemCollectionSizeLimitExceeded",
        ],
    ),
];

/// What a code says, and where the code is not known, what its HTTP status says.
///
/// `None`: nothing that can be relied on.
#[must_use]
pub fn meaning_of(code: Option<&str>, status: u16) -> Option<CodeMeaning> {
    let known = code.and_then(|code| {
        let short = code.strip_suffix("Exception").unwrap_or(code);
        CODES
            .iter()
            .find(|(_, codes)| codes.contains(&short))
            .map(|(meaning, _)| *meaning)
    });
    match (known, status) {
        (Some(meaning), _) => Some(meaning),
        (None, 429) => Some(Throttled),
        (None, 500..) => Some(Failing),
        (None, 413) => Some(TooLarge),
        (None, 401 | 403) if code.is_some() => Some(AccessDenied),
        (None, 404) if code.is_some() => Some(Mismatch),
        (None, 400..) if code.is_some() => Some(Invalid),
        (None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_mean_what_the_services_say_they_mean() {
        for (code, status, meaning) in [
            (
                Some("ProvisionedThroughputExceededException"),
                400,
                Some(Throttled),
            ),
            (Some("ThrottlingException"), 400, Some(Throttled)),
            (Some("Throttling"), 400, Some(Throttled)),
            (Some("RequestLimitExceeded"), 400, Some(Throttled)),
            (Some("LimitExceededException"), 400, Some(Throttled)),
            (Some("SlowDown"), 503, Some(Throttled)),
            (Some("InternalFailure"), 500, Some(Failing)),
            (Some("InternalServerError"), 500, Some(Failing)),
            (Some("SomethingNew"), 503, Some(Failing)),
            (None, 502, Some(Failing)),
            (None, 429, Some(Throttled)),
            (Some("AccessDeniedException"), 400, Some(AccessDenied)),
            (Some("AuthorizationError"), 403, Some(AccessDenied)),
            (
                Some("UnrecognizedClientException"),
                400,
                Some(AuthenticationFailed),
            ),
            (
                Some("InvalidSignatureException"),
                400,
                Some(AuthenticationFailed),
            ),
            (
                Some("MissingAuthenticationTokenException"),
                400,
                Some(AuthenticationFailed),
            ),
            (
                Some("ExpiredTokenException"),
                400,
                Some(AuthenticationFailed),
            ),
            (Some("ResourceNotFoundException"), 400, Some(Missing)),
            (Some("NotFound"), 404, Some(Missing)),
            (Some("ValidationException"), 400, Some(Invalid)),
            (Some("InvalidArgumentException"), 400, Some(Invalid)),
            (Some("InvalidParameter"), 400, Some(Invalid)),
            (Some("BatchRequestTooLong"), 400, Some(TooLarge)),
            (Some("SomethingNew"), 403, Some(AccessDenied)),
            (Some("SomethingNew"), 404, Some(Mismatch)),
            (Some("SomethingNew"), 400, Some(Invalid)),
            (None, 403, None),
            (None, 404, None),
            (None, 200, None),
        ] {
            assert_eq!(meaning_of(code, status), meaning, "{code:?} {status}");
        }
    }
}
