//! Limits: all or none, what is told, what is held and given back.

use super::*;

fn quota(amount: u64) -> Option<Quota> {
    Some(Quota {
        amount,
        window: Duration::from_secs(3600),
        burst: amount,
    })
}

fn limit(number: u32) -> Limit {
    Limit {
        number,
        per: None,
        requests: None,
        events: None,
        bytes: None,
        concurrent: None,
    }
}

fn under<'l>(limiter: &Limiter, limit: &'l Limit, value: &str) -> Under<'l> {
    Under {
        limit,
        key: limiter.key(limit, value),
        of_client: false,
    }
}

fn nothing(_: usize) -> &'static str {
    "${auth.name}"
}

#[test]
fn where_one_limit_refuses_nothing_is_taken_from_the_others() {
    let limiter = Arc::new(Limiter::new(64));
    let wide = Limit {
        requests: quota(2),
        ..limit(0)
    };
    let narrow = Limit {
        bytes: quota(100),
        concurrent: Some(1),
        ..limit(1)
    };
    let both = [under(&limiter, &wide, "a"), under(&limiter, &narrow, "a")];
    let first = limiter.admit(&both, Some(60), nothing).unwrap();
    for length in [50, 10] {
        // Once too many bytes, once too many at once: the request itself is given back.
        assert!(limiter.admit(&both, Some(length), nothing).is_err());
    }
    drop(first);
    assert!(limiter.admit(&both, Some(40), nothing).is_ok());
    let third = limiter.admit(&both, Some(0), nothing).unwrap_err();
    assert!(third.detail.contains("`requests: 2/h`"), "{third:?}");
}

#[test]
fn a_refusal_tells_the_policy_what_is_left_and_when_to_come_back() {
    let limiter = Arc::new(Limiter::new(64));
    let limit = Limit {
        bytes: quota(3600),
        per: Some(0),
        ..limit(0)
    };
    let under = [under(&limiter, &limit, "a")];
    limiter.admit(&under, Some(3000), nothing).unwrap();
    let refused = limiter.admit(&under, Some(700), nothing).unwrap_err();
    assert_eq!(refused.code, Code::RateLimited);
    assert!(
        refused.detail.contains("each value of ${auth.name}"),
        "{refused:?}"
    );
    let field = |name: &str| {
        let found = refused.fields.iter().find(|(known, _)| *known == name);
        found.unwrap().1.to_string()
    };
    assert_eq!(
        field("RateLimit-Policy"),
        "\"bytes\";q=3600;qu=\"content-bytes\";w=3600"
    );
    assert_eq!(field("RateLimit"), "\"bytes\";r=600;t=100");
    assert_eq!(refused.retry_after, Some(Duration::from_secs(100)));
    let never = limiter.admit(&under, Some(3601), nothing).unwrap_err();
    assert_eq!(never.code, Code::RequestTooLarge);
    assert!(
        never.detail.contains("never lets more than 3600"),
        "{never:?}"
    );
}

#[test]
fn events_and_bytes_of_no_stated_length_are_taken_when_the_body_is_there() {
    let limiter = Arc::new(Limiter::new(64));
    let limit = Limit {
        events: quota(10),
        bytes: quota(100),
        ..limit(0)
    };
    let under = [under(&limiter, &limit, "a")];
    let held = limiter.admit(&under, None, nothing).unwrap().unwrap();
    assert!(held.take(8, 90, nothing).is_ok());
    let refused = held.take(2, 20, nothing).unwrap_err();
    assert!(refused.detail.contains("`bytes: 100B/h`"), "{refused:?}");
    assert!(held.take(2, 10, nothing).is_ok(), "no event was taken");
    let code = held.take(11, 0, nothing).unwrap_err().code;
    assert_eq!(code, Code::TooManyEvents);
}

#[test]
fn a_place_in_flight_is_given_back_however_the_request_ends() {
    let limiter = Arc::new(Limiter::new(64));
    let limit = Limit {
        concurrent: Some(2),
        ..limit(0)
    };
    let one = [under(&limiter, &limit, "a")];
    let held: Vec<_> = (0..2)
        .map(|_| limiter.admit(&one, None, nothing).unwrap())
        .collect();
    let refused = limiter.admit(&one, None, nothing).unwrap_err();
    assert!(refused.detail.contains("`concurrent: 2`"), "{refused:?}");
    let other = [under(&limiter, &limit, "b")];
    assert!(
        limiter.admit(&other, None, nothing).is_ok(),
        "another value has its own"
    );
    drop(held);
    assert_eq!(limiter.entries(), (0, 0), "nothing is kept of who has gone");
    assert!(limiter.admit(&one, None, nothing).is_ok());
}

#[test]
fn a_million_values_stay_within_the_table() {
    let limiter = Arc::new(Limiter::new(64));
    let limit = Limit {
        requests: quota(5),
        ..limit(0)
    };
    let long = "x".repeat(1000);
    for value in 0..1_000_000 {
        let value = format!("{value}{}", if value % 1000 == 0 { &long } else { "" });
        assert!(
            limiter
                .admit(&[under(&limiter, &limit, &value)], None, nothing)
                .is_ok()
        );
    }
    let (buckets, _) = limiter.entries();
    assert!(
        buckets <= 64 * crate::limits::LIMIT_BUCKETS_PER_SET,
        "{buckets}"
    );
}

#[test]
fn cores_together_get_what_one_would() {
    let limiter = Arc::new(Limiter::new(64));
    let limit = Limit {
        requests: quota(3000),
        concurrent: Some(1000),
        ..limit(0)
    };
    let passed: usize = std::thread::scope(|scope| {
        let send = || {
            let under = [under(&limiter, &limit, "a")];
            let sent = (0..2000).filter(|_| limiter.admit(&under, None, nothing).is_ok());
            sent.count()
        };
        let cores: Vec<_> = (0..4).map(|_| scope.spawn(send)).collect();
        cores.into_iter().map(|core| core.join().unwrap()).sum()
    });
    // An hour's rate of 3000: what comes in again while the test runs is at most a few.
    assert!((3000..3010).contains(&passed), "{passed}");
    assert_eq!(limiter.entries(), (1, 0));
}
