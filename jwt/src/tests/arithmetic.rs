//! The arithmetic of the pure backend beside that of other libraries: the RustCrypto crates on points and signatures by
//! chance, OpenSSL on keys whose length is no multiple of eight bits. Wycheproof's vectors run in the `tests` crate.

use p256::ecdsa::signature::{Signer as _, Verifier as _};
use proptest::prelude::*;
use serde_json::json;

use super::mint::{decode, encode, set};
use crate::pure::{P256, P384, P521};
use crate::{Algorithm, Pure, SignatureBackend as _};

/// One curve: keys and signatures by the other library, judged by both.
macro_rules! agrees {
    ($name:ident, $curve:ident, $crv:literal, $algorithm:ident, $bytes:literal) => {
        proptest! {
            #![proptest_config(ProptestConfig::with_cases(48))]

            #[test]
            fn $name(
                secret in proptest::collection::vec(any::<u8>(), $bytes),
                input in proptest::collection::vec(any::<u8>(), 0..80),
                flipped in proptest::option::of((0..2_usize * $bytes, 0..8)),
            ) {
                use $curve::ecdsa::{Signature, SigningKey};
                let mut secret = secret;
                // P-521 has 521 bits in 66 bytes; the others' largest scalars are not met by chance.
                secret[0] &= if $bytes == 66 { 0 } else { 0x7f };
                secret[$bytes - 1] |= 1;
                let signing = SigningKey::from_slice(&secret).unwrap();
                let point = signing.verifying_key().to_sec1_point(false);
                let (x, y) = point.as_bytes()[1..].split_at($bytes);
                let jwk = json!({"kty": "EC", "crv": $crv, "x": encode(x), "y": encode(y)});
                let keys = set(&[jwk]);
                prop_assert_eq!(keys.keys().len(), 1);
                let signature: Signature = signing.sign(&input);
                let mut signature = signature.to_bytes().to_vec();
                if let Some((at, bit)) = flipped {
                    signature[at] ^= 1_u8 << bit;
                }
                let theirs = Signature::from_slice(&signature)
                    .is_ok_and(|signature| signing.verifying_key().verify(&input, &signature).is_ok());
                prop_assert_eq!(theirs, flipped.is_none());
                let verified = |input: &[u8]| {
                    Pure.verify(&keys.keys()[0], Algorithm::$algorithm, input, &signature).is_ok()
                };
                prop_assert_eq!(verified(&input), theirs);
                prop_assert!(!verified(&[&input[..], b"."].concat()));
                // A point beside the curve.
                let mut beside = x.to_vec();
                beside[$bytes - 1] ^= 1;
                let jwk = json!({"kty": "EC", "crv": $crv, "x": encode(beside), "y": encode(y)});
                prop_assert_eq!(set(&[jwk]).keys().len(), 0);
            }
        }
    };
}

agrees!(p_256_agrees, p256, "P-256", Es256, 32);
agrees!(p_384_agrees, p384, "P-384", Es384, 48);
agrees!(p_521_agrees, p521, "P-521", Es512, 66);

/// Numbers at the edges of the order.
#[test]
fn edges_verify_nothing() {
    let curves = [(Algorithm::Es256, &P256), (Algorithm::Es384, &P384), (Algorithm::Es512, &P521)];
    for (algorithm, curve) in curves {
        let order = curve.order.to_vec();
        let near = |by: i16| {
            let mut near = order.clone();
            let last = near.last_mut().unwrap();
            *last = u8::try_from(i16::from(*last) + by).unwrap();
            near
        };
        let small = |value: u8| {
            let mut small = vec![0; order.len()];
            *small.last_mut().unwrap() = value;
            small
        };
        let edges = [small(0), small(1), near(-1), near(0), near(1), vec![0xff; order.len()]];
        let keys = set(&[super::mint::jwk(algorithm)]);
        for r in &edges {
            for s in &edges {
                let signature = [r.as_slice(), s].concat();
                let verified = Pure.verify(&keys.keys()[0], algorithm, b"input", &signature);
                assert!(verified.is_err(), "{algorithm} {r:x?} {s:x?}");
            }
        }
    }
}

/// A good signature by other numbers that are the same modulo the order, and in more bytes. P-521's have room above it.
#[test]
fn a_signature_has_one_spelling() {
    let keys = set(&[super::mint::jwk(Algorithm::Es512)]);
    let good = super::mint::sign(Algorithm::Es512, b"input");
    let verified = |signature: &[u8]| {
        Pure.verify(&keys.keys()[0], Algorithm::Es512, b"input", signature).is_ok()
    };
    assert!(verified(&good));
    let (r, s) = good.split_at(66);
    let above = |number: &[u8]| {
        let mut carry = 0_u16;
        let mut sum = number.to_vec();
        for (byte, order) in sum.iter_mut().zip(P521.order).rev() {
            let both = u16::from(*byte) + u16::from(*order) + carry;
            *byte = u8::try_from(both & 0xff).unwrap();
            carry = both >> 8;
        }
        sum
    };
    assert!(!verified(&[above(r), s.to_vec()].concat()));
    assert!(!verified(&[r.to_vec(), above(s)].concat()));
    assert!(!verified(&[&[0], r, &[0], s].concat()));
    assert!(!verified(&[r, &[0], s].concat()));
    assert!(!verified(&[r, s, &[0]].concat()));
}

/// r is chosen so that the sum of both points is infinite, which has no x to compare: whoever knows the private key can.
#[test]
fn the_infinite_point_is_no_signature() {
    use p256::elliptic_curve::PrimeField as _;
    use p256::elliptic_curve::ops::Reduce as _;
    use sha2::Digest as _;
    let keys = set(&[super::mint::jwk(Algorithm::Es256)]);
    let secret = super::mint::p256();
    let hash = sha2::Sha256::digest(b"input");
    let e = p256::Scalar::reduce(&hash);
    let inverse = secret.as_nonzero_scalar().invert().unwrap();
    let r = -(e * inverse);
    let s = p256::Scalar::ONE;
    let signature = [r.to_repr().as_slice(), s.to_repr().as_slice()].concat();
    assert!(Pure.verify(&keys.keys()[0], Algorithm::Es256, b"input", &signature).is_err());
}

/// Length in bits, modulus, a good signature with PS256 of the text `message`, and the same message signed with a bit that
/// no encoding has: above the encoded message, or in its unused bits. The exponent is 65537.
const ONE_BIT_MORE: &[(usize, &str, &str, &str)] = &[
    (
        2049,
        "AXYndjb11qCg9LDqqlAO9azWoKtsnFuRA0SBIS9YeRupocUtgOXNP523-peOR1ifdppjTLPdeAX_4CfG35PG_ymwBYWgZqBflOWcuOiPySIiVAyaceMG3F0B7b5VlMUQKcA9En6PvJMDk6BpqYo0qew0fJvk1gq3asFlt1JPJgTk4_1EaI6bmOHvLhBIYPIS_D7HqmcLXRok8K7L_K2dRWcFyflC757xUWNeL8fF8jTPG1SitlYbRXAzrybMDofOHGURn2qdhWH6DVOC-TlKk3Js0QiM7Hw0NWDeWUENjlLFDLCUKDBCweVtPUP_QDvWZu0SINvTTjKZGxazGWSNzIs",
        "AFLZVIhVMhkNhKvOTB63o_DI_cbjBAnoD8VE8CPgZQjMmL3xe34WeOuqjwblaAqTLmuaWaljpUGUzmla_-d-JmsLdoPi0TQ-EaecIT7zQe5HBOngLWSCrxjRWlrS3kMC0hj-R_Vr1LakhXipiSRYKTEQj3f9OjX9Pj-9sMeIC2tHlY7RZW47VGjT0TqhKILdgVHGmM8H1vGwgzLULKbmHoGS9k4r873Q3x8829F2yEof7nLAYttE25h1P0O0wKGvpSWxQR-JP3x23BsuPy3sVGvek9_wq6zkmukuK9Om9ZoUEc2qcVQQNMS_Wt2PtZO9t7VeuqwhOTHHAGLQISCqRQE",
        "AKGk4k3X1TIhDDFjJ2tQFBjAL0GuYjI-WhRzELYPg_Jc9JOxQTOn1qTwXPrOzR4ZGrwBgHWwqd4U6GJ2zbT0kdqoIB1I0ecr-iIBMi_fvdLUwJowDHGP6EFWlm3SY0A4eZj7DCcICZrFVFeiwqki6XNYBDrTasj0wb2nhnPozZ-OJSw7N4JoPfyprL97sGXukuefAFsIs5k4-GxGItil2AOWas4H8DfHDHUfneb9SmMK-U8SxICUDe7k8x_l31azwo6_tx8ltdtW6rgClJcNnMDMBuJPrySCuithFcCt7uvnw9u5qUvqJg0vJ7F8_2sfRGkpmqDOv3E5haK1uHpNt-Q",
    ),
    (
        2050,
        "A1GhyUTwuhdxrNoOOLLjNsxUVl0kRrWu5r6_4IHA3ItTT0zkBv3seX87y_jcXqSsGRhRoFxT2SXC_Zb0KkqqQF_RMIRpO_YpX92KEBU75SRSEjuszHPLpAyH8xG-ySPHbKdyADBHnGVU8JPMVC2YiT5fSjCIrDdbm_VPrUP9NZO-twLOPEG39-RTjL66oyJJukQaykLe4xsZMt80JE_oU8GwSDom1v_I4kQSGsIpER62Q70wlmuUIY6oAc1YANQlhsLTv_rJGKPSEAZ8N04kKkDuo_g2auZnSWOCd5VvKL0cYgY_aWLO6nQyuu45hdjQrD6ssljgTgiouidp31K2U3M",
        "AtrtBl3mWpbhOOGy0xj0voet7RhrAcpdGpFdyS0LPoUxJvQm1u0gBhqtjpTCCHYHA2-9SgE_2KiHv7-Gp4zOotQOZ-P86IiPVrE1yYmPR345ZQ2YkSlnWo3uQ23nwlCJ4wd-xDp_LcTAjhtIfvXRiRDh7xHtM7gqnFTZgzRxb9BbMgbwGqqVkn_-dDcG2DDMFDYJyo2fi5kb1CWlU_qHrGKu_CjZ4_3FQySGaL4WFedWPJufiMz7I1OQhD-KXyxQYDa9dGewA-w5qxwxNSrdZvbgCxlFKGWmXUw1iN7oQ6T42ZwS2BWPKS68u0xF2-g-w-WD4wqygnrZT7x7KcffEs0",
        "Ahx6Q_aNrDaZ09RyXjLbbv71WtB3wFaecgOGJx2mOOEMvuD2G4ULE5cG8CyTeGMAJxYyzDdmr5GZEO-JYc2qsrre8acc8Pb30XffBExbiwmzWNUpHxow7Jav9SdYIK9YcIB3l_w4Yie91MZdqHrAp0_QooIUmf6pGL8l6Y0_H-2wcHf5BPevfsc5WLwv8XWY9gUUJRafpvpxJJA7GjYKr9oOwXUQbdxaBJHCWaMc1nd1p41ty3-t06-b2o9yEsGj3vweEXlrk0qJtRe1GOnqRIe5Kk29MBDdjqRsAPYXXkRCWu68c27dEaDUXWcQuB62WuDIS_LbNh09XiD2LuJcJsk",
    ),
];

#[test]
fn an_encoded_message_has_no_other_bit() {
    for (bits, n, good, other) in ONE_BIT_MORE {
        let keys = set(&[json!({"kty": "RSA", "n": n, "e": "AQAB"})]);
        for (signature, expected) in [(good, true), (other, false)] {
            let verified =
                Pure.verify(&keys.keys()[0], Algorithm::Ps256, b"message", &decode(signature));
            assert_eq!(verified.is_ok(), expected, "{bits}");
        }
    }
}

/// Length in bits, modulus, exponent, and what OpenSSL signed with it: the text `message`.
type Odd = (usize, &'static str, &'static str, &'static [(&'static str, &'static str)]);

const ODD: &[Odd] = &[
    (
        2049,
        "AZFQWJ4ZaGSwJkQTVM-Ts9fEeZsICUn2Q_LV3pkCcVDmLdIU3pOf9Bl6Mvcxy5EiL7PCBw3dvqm_cZiAGMfpF7FnRz5wpXCYvl-LIkqmiR2ngfpitg4ejP0PrtCy0cPBQU_SVxe5JogWezFEx1wBWUDBvCYE5oGZylk_Z4Gd_fQi5N6Jh8OyD3DQKCcA4syekG-NhinUV7bVjvaukyuu1ykeLCcakKab4xs1ykTS9l4_SXaqPDICK33l7LrxOkAtM11eH-LDx9MiFuF3HzAexu1yMkmfYxEPRhHEovdj1W5m626DTEpfW3G74E990eSDc9TkBtWuva9Q_y6clHPpJ1s",
        "AQAB",
        &[
            (
                "RS256",
                "AQmVOGIeVDOWmWDyQzYEU8aLYSvvJRW3eVNSPXUcf_zmCKduXQkihJ_rOwj0I6_G6iUcblgt_36wiyvb9hrBbrZPanOMgR3Bq-4mRdfLbmjyngE1-4sowvFMdr8eX1ey1iWq4aZp_Ou8ieaEFzXxQ3mhRaScewZIThqdWqBpULWUDNMAm77rHVpU-LhOKTL3Wogfdhi5iPbClJzhwzdi600899O2iHI1KzxQ_n_gYYzUIX_xISYhcxbUeHYnuUk-vGaQkc9QEKCJ1dDDztB6ETwwiisGKZ3bWIanPRSMRHYVk4YwF6Rk58mTg6t8CZaZh-xP421wLTsLIMvSxDuJXMM",
            ),
            (
                "PS256",
                "AKVV4rovmRmhwvm5H69ofnFI17HyP_QCHRw644Bxi_W6h46O3Jw63BEjT35cEpaZW7UTLOVUOpCaCe09FEB_omwzuAt1wiHtgvIx3tNgx0sDtyXq1XEN3mMqXksVW89EezeKmLFC84vjbxS46TRzDNhXSx8PfpPq24ySqb4RTSp1j3DQO2sgKCyKL8mZd6VpsMWVdMDjfcMsxE-5P1R0sVY8hMo3_2AqBTcnzE0yh6-WDrekBx0KboLTtL_kTJwjoj30kz0bmO8G-UyEKc5-K5nBuNlXnz9jVvqcX0Kj8ub_0bGI_dmyMo6TQnLahF4XIzNZO2mcN7UozgANciDFWVc",
            ),
            (
                "PS384",
                "AG88DsZmMsLLhd1DUf8nlYhIZTYQFRUbiCugoQjyVq3KL3OohgyS0U8YQRnCKjz8pq6FpCgHgCXVFRLeZkeCFtuFTFAgXwy0B44v1idcfEbOlYwHfeGoPISpKYdN8mJLOBJPYsfiCchGtMWX0mVadS-lDKzu3KN8ni4OALA86IeLN23faVny1eLCnDumoySITur_PF6o53QaSYNxQ9KbCA52Pz6DgDjX8D5TdbbofiD7rYwONuMHw7EXafonR2XonNztaW8kN_Ec-BnXbknSm6BStNXHombN_xevQlDZH1ks_cz1ox7Dh3LH01PZp0mY1DO99h1IP-Ah-2NfvnpJuxI",
            ),
            (
                "PS512",
                "AQFEkSsnrBIy0vtNJXYmV4qXaUTZ9KP0Ct0hlelJ20oY-wBCS1YsF_ikAYwpZr1BVL3dUgvzlrxxXaCL8mhbbBgGhV9KgmUEd5t0qK01RwcA8zNsFMxFHNNO9ZELMHRd0NyXSTJ2_maooRBVTXRIhb44Q_pt_zVPh7adGgIW7BhIawIdiUACJLFJSz1c1qfF_X4n8P-R4yjdtz05gY-6mTJ-0x2lWBA95_fQ6e6Ro4K3t_-JI4C89moTBT29ai5opdCtapLqVuEl6oTCrii3QIzU8k3fTITQIMMdFS2lcQGJXoCn-w7NRAdyira8NXP5t6vvQwvwA7m89b4JdkVX7HM",
            ),
        ],
    ),
    (
        2050,
        "ApUqf3DMGMpmBqcRpyjRGE2fHKmSrQEe3z8b4KSnC_luh8vAlUTRWlX7Gn4JSVtLIqFkjBVb0TqS713iW4-iudLaV66gTs_-7sKnNgwlV64-jYbLfeqGApsPjOvA9R63wrU_ewr7X20eA8a1W4JGbCIdqeQWpen1DvRdwa6ilnzGZOzZ320KxsvRt_kWobxWaPF46WSF-byXD-3F_6fzeZuCj80gyeJLd0qw-zf9niLAO-HH_tQGHpByOnA_LVvCL-4jhxroqciMLmWxq8lSBCj_PkcMIWgHYcYe6EbAOCZ0PNh1CvXOFwXjbAoLQsXj_zfs6s3xiDgUeWGkByHfYB8",
        "Aw",
        &[
            (
                "PS256",
                "ATqW4Lqt8_dZmD3iKsApvBUVGUj1lCmMRBGGZh7qIcz0HUPcvjQrPTQO9emXtLHcrXJDjm0F-eRtjrmK91QbWbm5tQmSLxwHC1Yvvq-WluDSZrPatUVCPpGUDVTVLYQ5oNArMrJYst78Ub7fDghC2mTSS3iITp3YwJw_46I-SoWOa4CVCHu_ufFIxDg1IPgPwf6CmDyAzDQUiCcMa_br9AZog2vir911auuASID8i7ZNSk93WzqwuqjCgIAASjKcpOpyb8c_4ztEqUPbQnBo-tylk6Cvo-n__bCfVL5BvOpDVCA66SvEr8oG4kerB1ZVNd0qeyJJolRAnTkhBgXa6ek",
            ),
            (
                "RS512",
                "AJIfNHCbIh7AwYQqwx_rfseftqiJ2fbHhm7wSnRrd3mfuK1UYgPGOsSNwvEpDIMhRsKMjPwoXtJy-6F6LUVSROKebBCRLDcVlPMZMzd9nIcObUKOwdv14vEdnYW3cT_lZBrYJ0TgTIIzDnba2LziozasoTuNe0Ro4mJa14GY8hmFX2sG48qUevAlUsH6-l8kx_xZVycdD6rOLR9rPfdo1uJH6yiZtUD834hmMOiu-sTgolP0v3Ah00BOS_crmoIk7q7MjzLT1lMBWcREMNHQzMC6_yFtWuvboZOZ11tvJTrGzp8g1s_VLtatl5nSzl_bwTf5xmnZleuhrXOYOUJ_zYE",
            ),
        ],
    ),
    (
        2055,
        "ZbuNlYR1SVuZ5NTpeKADTQBzn2NAMgS_dQVI6Mw07AGcx_fTiE15I3_joWdxBx-e31XuuGNHkQlOvrHnxoo_irzCnfcwL21GEbgrw0C7k-PM2aqrAA9VOsD19bxBRdF6ZVvQ4fX9CruAtcrfUm9EEAQUgASBAZ0TU0cayET1F8laRPnLEoE1c9YHdZUglauG7tKu7JSuNmBGfVhw7WE4Ky5aY1RJ4M8lwVahke4sCB7JsuVLG6zbSDPLvXNeDI5LyEodMjv2K7-D3Bl1irZarc5106g3mnZx9hdr4M_Iz-JhPEYa-XAF11afF8Kj30JwVqlTA7TX-f7BvJr8oFwYcEU",
        "AQAB",
        &[(
            "PS256",
            "JX3VtlMxXibOLIlAfrRrW1XiBpj9zehAmHYK6oVP2qvksxZPlBrSlvFWNdPm1bU6QdzXfP12lYHddHUB3UwBSYt7st60Sh4RZkAE3pYHLfdg0tMj9V51mZ8GutTtaesebAKsuJ60u2ig3eOhGdve6d98mNFAPHcCqcYaT7h818fHHL806go7pC-8qpHCjw0pt5Qgi4R46FogZ-yLkhOVMVhKYifM5_BoZjCxjenqdevfOgIM6yTL1VcvoNKtFdcw05bsCtnJVepxHmVhM5R-dBD9bFPVjHM3QhbyHAuOo0TlL21eUcuw60-hnoUA8OInTM9eAR35D-CkpGKhphcDOp8",
        )],
    ),
    (
        2056,
        "sTDvV3PLUCe1ahAM2ywaTHiIFpkkNF4c1MzjXJbtC5yuvoI4PbCH29hxIf4L5AV73Z9foe0gQbUgUjQbJmKlcadHb03Jy6_wuuSAQktqa-gpD5uhz5-sw5oae5y4ru56dgNqdWKPiBAZqtNDfGkqoavjXStUtmofzi7Wob-HxEfa78okmpLTZWphBHKUPddn1mSEw_Kq-G3C2EzfW9qinSb7ZKa1rbkNKxL-CSl3h_L2YsXo2BdgAHewAX2ugpNkN0lH4O6p3z52kZwY_wo_VQnAKZkRWxXvnB1Be2oEBYO5e4R4QDL8PZxjPCCLIkD73TgMibyFQxLA4NQNVaF0PxU",
        "EQ",
        &[
            (
                "PS512",
                "PajVTN36syOrPHmzEBPdg_FDCc24vnMB-UrWm5QU7uVC2LA-IeN1uz-C5vNRSANRqMS2JMreu2czS-OlWPYERPUgZeqAaAWpDuVKkxS00_vOJF4chiRLflwofdNsmd4Keq6THRuRFUoCN1faKGjcgngbVP4VCkG4_A_CorP_SAXbpQ6gnuWNT4nkkOkG7xYUKZgDYC07tbEwRmROMPT4SXFWeRIb1A7RPIBdq8nnI3cFCpmfGON5COarXP8i_zDcOhzAA89G5Y0WdesLSJJ1UTZuV1q77FQAinj-JaJcHuGE_etdwg3_vbMfPKcmdGW9E7z69ciktDXyH2esMnKP81Y",
            ),
            (
                "RS384",
                "Zis4jcNzngghueO88967kpSs4-e6Q5vUCdQsmgNL2mC5LtYFIyHCC2WmxJB9xLnDD6S5ut4hlxfsXUbeWV0-x5GjiDpk6gmMOxkKAraY5p-2ntzEuqYh4EZuGLCLFug7pJDKcSuFkjgYLJt-xxkXo5FJLqtFZLwNVT2A_sYXPGzCX9BVcRewzHHCD7EqMRJAPRLCfY7O4drzWoXqWyiucYOf-dVPbSFzFQF7cUmvPEfkpZLH5yqG6ztJkBx3-JO-5yDGbmzELD52joMTWGfd_BdiGURaqSAgKvssvnJeWHg9aJpdHuynPtbtP-kFNLAGPYnfhG_7SXhg8-RU-QsxVPU",
            ),
        ],
    ),
    (
        3073,
        "AY0hDuAGN9oVCaqUsMHS0q79HzFqj1uJIEUeY260Ez0J2TN_trojDImhGMCKga5iGdxLgWgDBXonr2-XWyuFlrCb-C4rAOqxFpR4al55CfKaXk6e5vC4UOvP04vHzu2GgQCISkG7KKzLRByxswHCl1wsFvK9Q9pb0aqjPmPtmTGXU8JBySZb-ev7OhhVNW0YNEnAb0tat9LZzPv59NrjBU2eRIUrLyRfjw2kvOn1q1p8BEfAUsnFs0iZhOBBt41UeVqQiWVe96yrr05y0RSw9Y9QSbFeYSnieRVh241EcEcuTCzEesNWJfrf_QFQa_IT59ndj-KtlE_uCjl9GqwbiSgs5ZkuF_c9C8O3JyQdIQhhvnEXx9WOvEvCoK4ltnxfTh9vbrdmtxuuWrJGFHkJpCbWsr2WgxPzMmk_epOUnEhZVGM4W5WiMB8j4uueYIvoVmC3bSh8FN-Xm1Ue6lmflmqiO2g13vdQ2gEiAuLZLwmA_BtxrMysEw68vRaQZVoWSw",
        "AQAAAAE",
        &[(
            "PS256",
            "AJe5URZs25I8RW9XkuZPZj-Epxic6Ew4ex9OTeTWp-XPJFsyM04JSa5LOFsWmH2FaWHt9NSRE3F15-Q3TSlcMgFGfyylo_nPRrW5hWxgihcMXf7qde5mCJII7pzzxDX5kE6CbOWiLnehtXRmT-wrMojZVlBN3mK0IWUr-I-dXS7wyzB0T2RTnavpGkoS0oZtA6T8sW1VzgZtQmT3aQUJ7x50XffT-Y77QSMAsKDRXcd11Z8USNzCkYQxgaLk57riFQa6wItUKAeyMEDVSbCZJLxutqC8BCxbZbKgxdeHBNIeumFha8fbEjmGTXVtkWOAjVU8-mBFJDUvnBrW8JDSgGwcBtQyE6MvqvGhqgl-2mDht4xAcugEyN1y4wEmX1o7ZZuL5OdVXQtSBWercaUHUKvlcfCx7tE2-Rj3JlpmBeQ4npiaeaIbvE8DUYHtth9L_U1EPiZLsN4c90w6zrwmegqN63uIRe09AB5sfFD0X6wxQIjUKtbZHFhhV8xPyeSm5g",
        )],
    ),
];

#[test]
fn moduli_of_any_length() {
    for (bits, n, e, signatures) in ODD {
        let keys = set(&[json!({"kty": "RSA", "n": n, "e": e})]);
        assert_eq!(keys.keys().len(), 1, "{bits}: {:?}", keys.skipped());
        for (algorithm, signature) in *signatures {
            let algorithm: Algorithm = algorithm.parse().unwrap();
            let signature = decode(signature);
            let verified = |algorithm, input: &[u8], signature: &[u8]| {
                Pure.verify(&keys.keys()[0], algorithm, input, signature).is_ok()
            };
            assert!(verified(algorithm, b"message", &signature), "{bits} {algorithm}");
            assert!(!verified(algorithm, b"messagf", &signature), "{bits} {algorithm}");
            for at in [0, 1, signature.len() / 2, signature.len() - 1] {
                let mut other = signature.clone();
                other[at] ^= 1;
                assert!(!verified(algorithm, b"message", &other), "{bits} {algorithm} {at}");
            }
            let others = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
            for other in others.map(|name| name.parse().unwrap()) {
                assert_eq!(verified(other, b"message", &signature), other == algorithm, "{bits}");
            }
        }
    }
}
