//! Published vectors: RFC 7515 A.2 (RS256), A.3 (ES256), A.4 (ES512) and RFC 8037 A.4 (Ed25519).
//! The payloads of the last two are not JSON, so there the backend alone is asked.

use super::mint;
use crate::{
    Algorithm, AudienceMatch, Pure, SignatureBackend, TokenError, TokenRules, UnixTime, Unverified,
};

const A2: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
const A3: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
const A4: &str = "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn";
const RFC8037_A4: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

#[test]
fn rfc_7515_a2_and_a3() {
    let rules = TokenRules {
        audience_match: AudienceMatch::Unchecked,
        algorithms: Algorithm::ALL.into_iter().collect(),
        ..TokenRules::new("joe")
    };
    for (token, algorithm) in [(A2, Algorithm::Rs256), (A3, Algorithm::Es256)] {
        let verify = |now| {
            Unverified::parse(token.as_bytes()).unwrap().verify(
                &rules,
                mint::keys(),
                UnixTime(now),
                &Pure,
            )
        };
        let verified = verify(1_300_819_379).unwrap();
        assert_eq!(verified.algorithm(), algorithm);
        assert_eq!(verified.kid(), None);
        assert_eq!(verified.claims().member("http://example.com/is_root"), Some(&true.into()));
        assert_eq!(verify(1_300_819_380 + 30).unwrap_err(), TokenError::Expired);
    }
}

#[test]
fn rfc_7515_a4_and_rfc_8037_a4() {
    for (token, algorithm) in [(A4, Algorithm::Es512), (RFC8037_A4, Algorithm::EdDsa)] {
        let (input, signature) = token.rsplit_once('.').unwrap();
        let key = mint::keys().keys().iter().find(|key| key.allows(algorithm)).unwrap();
        let mut signature = mint::decode(signature);
        assert_eq!(signature.len(), key.signature_bytes());
        assert!(Pure.verify(key, algorithm, input.as_bytes(), &signature).is_ok());
        signature[9] ^= 4;
        assert!(Pure.verify(key, algorithm, input.as_bytes(), &signature).is_err());
        assert_eq!(
            Unverified::parse(token.as_bytes()).unwrap_err(),
            TokenError::Malformed("payload is not JSON")
        );
    }
}

/// The RFC prints the public keys too: what we derive from its private keys must be the same.
#[test]
fn the_public_keys_are_the_printed_ones() {
    let x = |algorithm| mint::jwk(algorithm)["x"].clone();
    assert_eq!(x(Algorithm::Es256), "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU");
    assert_eq!(
        x(Algorithm::Es512),
        "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk"
    );
    assert_eq!(x(Algorithm::EdDsa), "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
}
