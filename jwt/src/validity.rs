//! `exp`, `nbf` and `iat` of a token (RFC 7519 sections 4.1.4 to 4.1.6), and whether they admit it now.
//! Checked once when a token is verified and again whenever a cached one is used.

use crate::claims::Claims;
use crate::error::TokenError;
use crate::limits::MAX_LEEWAY_SECONDS;
use crate::rules::TokenRules;
use crate::time::UnixTime;

/// The three dates, each with the shape of a numeric date or absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) expires: Option<UnixTime>,
    pub(crate) not_before: Option<UnixTime>,
    pub(crate) issued: Option<UnixTime>,
    /// From `iat` to `exp` in seconds, fractions rounded up, where both are there.
    lifetime: Option<u64>,
}

impl Validity {
    /// Reads the dates. A fraction of a second is cut from `exp` and added to the others, so it never admits.
    pub(crate) fn of(claims: &Claims) -> Result<Self, TokenError> {
        let floor = |name| claims.member(name).and_then(UnixTime::from_numeric_date);
        let ceiling = |name| claims.member(name).and_then(UnixTime::from_numeric_date_rounded_up);
        let lifetime =
            floor("iat").zip(ceiling("exp")).map(|(issued, expires)| expires.seconds_since(issued));
        Ok(Self {
            lifetime,
            expires: date(claims, "exp", UnixTime::from_numeric_date, "exp is not a date")?,
            not_before: date(
                claims,
                "nbf",
                UnixTime::from_numeric_date_rounded_up,
                "nbf is not a date",
            )?,
            issued: date(
                claims,
                "iat",
                UnixTime::from_numeric_date_rounded_up,
                "iat is not a date",
            )?,
        })
    }

    /// RFC 7519: not accepted on or after `exp`, nor before `nbf`. A token issued in the future is refused as well:
    /// either its clock or ours is wrong by more than the leeway, or it is forged.
    pub(crate) fn check(&self, rules: &TokenRules, now: UnixTime) -> Result<(), TokenError> {
        let leeway = rules.leeway.min(MAX_LEEWAY_SECONDS);
        match self.expires {
            None if rules.require_exp => return Err(TokenError::Malformed("exp is missing")),
            Some(expires) if now >= expires.after(leeway) => return Err(TokenError::Expired),
            None | Some(_) => {}
        }
        let earliest = self.not_before.max(self.issued);
        if earliest.is_some_and(|earliest| now.after(leeway) < earliest) {
            return Err(TokenError::NotYetValid);
        }
        rules.max_lifetime.map_or(Ok(()), |longest| self.check_lifetime(longest))
    }
}

impl Validity {
    fn check_lifetime(&self, longest: u32) -> Result<(), TokenError> {
        if self.expires.is_none() {
            return Err(TokenError::Malformed("exp is missing"));
        }
        match self.lifetime {
            None => Err(TokenError::Malformed("iat is missing")),
            Some(lifetime) if lifetime > u64::from(longest) => Err(TokenError::LifetimeExceeded),
            Some(_) => Ok(()),
        }
    }
}

fn date(
    claims: &Claims,
    name: &str,
    read: fn(&serde_json::Value) -> Option<UnixTime>,
    malformed: &'static str,
) -> Result<Option<UnixTime>, TokenError> {
    claims.member(name).map(|value| read(value).ok_or(TokenError::Malformed(malformed))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;
    const EXPIRED: Outcome = Err(TokenError::Expired);
    const EARLY: Outcome = Err(TokenError::NotYetValid);

    type Outcome = Result<(), TokenError>;

    // Name, claims, leeway, whether exp is required, expected.
    const CASES: &[(&str, &str, u32, bool, Outcome)] = &[
        ("plain", r#"{"exp":1700000300,"nbf":1700000000,"iat":1700000000}"#, 30, true, Ok(())),
        ("last second", r#"{"exp":1700000001}"#, 0, true, Ok(())),
        ("at exp", r#"{"exp":1700000000}"#, 0, true, EXPIRED),
        ("within leeway", r#"{"exp":1699999971}"#, 30, true, Ok(())),
        ("leeway over", r#"{"exp":1699999970}"#, 30, true, EXPIRED),
        ("fraction cut from exp", r#"{"exp":1700000000.9}"#, 0, true, EXPIRED),
        ("leeway is capped", r#"{"exp":1699999700}"#, 4_000_000_000, true, EXPIRED),
        ("leeway below the cap", r#"{"exp":1699999701}"#, 4_000_000_000, true, Ok(())),
        ("exp 0", r#"{"exp":0}"#, 30, true, EXPIRED),
        ("exp 0 where not required", r#"{"exp":0}"#, 30, false, EXPIRED),
        ("no exp", "{}", 30, true, Err(TokenError::Malformed("exp is missing"))),
        ("no exp, not required", "{}", 30, false, Ok(())),
        ("exp null", r#"{"exp":null}"#, 30, false, Err(TokenError::Malformed("exp is not a date"))),
        (
            "exp string",
            r#"{"exp":"1800000000"}"#,
            30,
            true,
            Err(TokenError::Malformed("exp is not a date")),
        ),
        (
            "exp negative",
            r#"{"exp":-1}"#,
            30,
            true,
            Err(TokenError::Malformed("exp is not a date")),
        ),
        ("exp huge", r#"{"exp":1e300}"#, 30, true, Err(TokenError::Malformed("exp is not a date"))),
        ("nbf now", r#"{"nbf":1700000000}"#, 0, false, Ok(())),
        ("nbf ahead", r#"{"nbf":1700000001}"#, 0, false, EARLY),
        ("nbf within leeway", r#"{"nbf":1700000030}"#, 30, false, Ok(())),
        ("nbf beyond leeway", r#"{"nbf":1700000031}"#, 30, false, EARLY),
        ("fraction added to nbf", r#"{"nbf":1700000000.1}"#, 0, false, EARLY),
        ("nbf list", r#"{"nbf":[]}"#, 30, false, Err(TokenError::Malformed("nbf is not a date"))),
        ("iat ahead", r#"{"iat":1700000031}"#, 30, false, EARLY),
        (
            "iat string",
            r#"{"iat":"x"}"#,
            30,
            false,
            Err(TokenError::Malformed("iat is not a date")),
        ),
        ("expired before early", r#"{"exp":1,"nbf":1800000000}"#, 30, true, EXPIRED),
    ];

    const LONG: Outcome = Err(TokenError::LifetimeExceeded);
    const NO_IAT: Outcome = Err(TokenError::Malformed("iat is missing"));
    const NO_EXP: Outcome = Err(TokenError::Malformed("exp is missing"));

    // Name, claims, expected with at most an hour between iat and exp and no exp required.
    const LIFETIMES: &[(&str, &str, Outcome)] = &[
        ("an hour", r#"{"iat":1700000000,"exp":1700003600}"#, Ok(())),
        ("a second more", r#"{"iat":1700000000,"exp":1700003601}"#, LONG),
        ("a fraction more", r#"{"iat":1700000000,"exp":1700003600.1}"#, LONG),
        ("a fraction earlier", r#"{"iat":1699999999.9,"exp":1700003600}"#, LONG),
        ("leeway is not added", r#"{"iat":1699999990,"exp":1700003600}"#, LONG),
        ("a day", r#"{"iat":1700000000,"exp":1700086400}"#, LONG),
        ("for ever", r#"{"iat":0,"exp":253402300799}"#, LONG),
        (
            "not before does not count",
            r#"{"iat":1690000000,"nbf":1700000000,"exp":1700003600}"#,
            LONG,
        ),
        ("no iat", r#"{"exp":1700003600}"#, NO_IAT),
        ("nbf is no iat", r#"{"nbf":1700000000,"exp":1700003600}"#, NO_IAT),
        ("no exp", r#"{"iat":1700000000}"#, NO_EXP),
        ("neither", "{}", NO_EXP),
        ("over before it began", r#"{"iat":1700000020,"exp":1700000010}"#, Ok(())),
        ("expired first", r#"{"iat":1600000000,"exp":1600086400}"#, EXPIRED),
        ("early first", r#"{"iat":1800000000,"exp":1800086400}"#, EARLY),
    ];

    #[test]
    fn lifetimes() {
        for (name, text, expected) in LIFETIMES {
            let claims = Claims::from_json_object(serde_json::from_str(text).unwrap());
            let rules =
                TokenRules { require_exp: false, max_lifetime: Some(3600), ..TokenRules::new("i") };
            let actual =
                Validity::of(&claims).and_then(|validity| validity.check(&rules, UnixTime(NOW)));
            assert_eq!(actual, *expected, "{name}");
        }
    }

    #[test]
    fn cases() {
        for (name, text, leeway, require_exp, expected) in CASES {
            let claims = Claims::from_json_object(serde_json::from_str(text).unwrap());
            let rules =
                TokenRules { leeway: *leeway, require_exp: *require_exp, ..TokenRules::new("i") };
            let actual =
                Validity::of(&claims).and_then(|validity| validity.check(&rules, UnixTime(NOW)));
            assert_eq!(actual, *expected, "{name}");
        }
    }
}
