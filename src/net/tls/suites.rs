//! What directives call protocols and ciphers, which is what OpenSSL calls them.

use rustls::crypto::{CryptoProvider, ring};
use rustls::version::{TLS12, TLS13};
use rustls::{CipherSuite, SupportedCipherSuite, SupportedProtocolVersion};

use super::files::TlsError;

/// The names of the ciphers of TLS 1.3, and of those of TLS 1.2, best first.
const NAMES: [(CipherSuite, &str); 9] = [
    (CipherSuite::TLS13_AES_256_GCM_SHA384, "TLS_AES_256_GCM_SHA384"),
    (CipherSuite::TLS13_AES_128_GCM_SHA256, "TLS_AES_128_GCM_SHA256"),
    (CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, "TLS_CHACHA20_POLY1305_SHA256"),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384"),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256"),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-ECDSA-CHACHA20-POLY1305"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305"),
];
/// What stands for all ciphers of TLS 1.2 that there are, which are good ones.
const ALL: [&str; 5] = ["DEFAULT", "ALL", "HIGH", "ECDHE", "kEECDH"];
/// Kinds of ciphers that there are none of, so that to be rid of them takes nothing.
const NONE: [&str; 22] = [
    "aNULL", "eNULL", "NULL", "LOW", "MEDIUM", "EXPORT", "EXP", "DES", "3DES", "RC2", "RC4", "MD5",
    "PSK", "SRP", "SHA", "SHA1", "DSS", "ADH", "CAMELLIA", "SEED", "IDEA", "kRSA",
];

const CIPHERS: &str = "ciphers";
const SUITES: &str = "ciphersuites";

/// Reads `tls-protocols`; where it is empty those are meant that are thought safe.
pub(super) fn protocols(text: &str) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
    let fault = |word: &str, reason| TlsError::Protocol { word: word.to_owned(), reason };
    let mut chosen = Vec::new();
    for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
        chosen.push(match word.to_ascii_lowercase().as_str() {
            "tlsv1.2" => &TLS12,
            "tlsv1.3" => &TLS13,
            "tlsv1" | "tlsv1.1" => return Err(fault(word, "is broken, and not spoken here")),
            _ => return Err(fault(word, "is no such protocol")),
        });
    }
    Ok(if chosen.is_empty() { vec![&TLS12, &TLS13] } else { chosen })
}

/// Makes what `tls-ciphers` (TLS 1.2) and `tls-ciphersuites` (TLS 1.3) leave of the ciphers.
pub(super) fn provider(
    ciphers: Option<&str>,
    suites: Option<&str>,
) -> Result<CryptoProvider, TlsError> {
    let provider = ring::default_provider();
    let (newer, older): (Vec<_>, Vec<_>) =
        provider.cipher_suites.iter().copied().partition(|suite| suite.tls13().is_some());
    let newer = suites.map_or(Ok(newer.clone()), |text| choose(SUITES, text, &newer))?;
    let older = ciphers.map_or(Ok(older.clone()), |text| choose(CIPHERS, text, &older))?;
    Ok(CryptoProvider { cipher_suites: [newer, older].concat(), ..provider })
}

/// Chooses by a list of names; one with `!` or `-` before it takes away.
fn choose(
    directive: &'static str,
    text: &str,
    all: &[SupportedCipherSuite],
) -> Result<Vec<SupportedCipherSuite>, TlsError> {
    let fault = |reason: String| TlsError::Ciphers { directive, reason };
    let mut chosen: Vec<SupportedCipherSuite> = Vec::new();
    for word in text.split([':', ',', ' ']).filter(|word| !word.is_empty()) {
        let (name, is_taken_away) = match word.strip_prefix(['!', '-']) {
            Some(name) => (name, true),
            None => (word, false),
        };
        let named: Vec<_> = match all.iter().find(|suite| called(suite.suite()) == Some(name)) {
            Some(suite) => vec![*suite],
            None if directive == CIPHERS && ALL.contains(&name) => all.to_vec(),
            None if is_taken_away && NONE.contains(&name) => Vec::new(),
            // Strength is the order they are in.
            None if name == "@STRENGTH" => Vec::new(),
            None => return Err(fault(format!("{word:?} is not known"))),
        };
        chosen.retain(|suite| !named.iter().any(|other| other.suite() == suite.suite()));
        if !is_taken_away {
            chosen.extend(named);
        }
    }
    if chosen.is_empty() { Err(fault("no cipher is left".to_owned())) } else { Ok(chosen) }
}

fn called(suite: CipherSuite) -> Option<&'static str> {
    NAMES.iter().find(|(known, _)| *known == suite).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(ciphers: Option<&str>, suites: Option<&str>) -> Vec<&'static str> {
        let chosen = provider(ciphers, suites).unwrap().cipher_suites;
        chosen.iter().map(|suite| called(suite.suite()).unwrap()).collect()
    }

    fn fault(ciphers: Option<&str>, suites: Option<&str>) -> String {
        provider(ciphers, suites).unwrap_err().to_string()
    }

    #[test]
    fn every_cipher_there_is_has_a_name_and_is_there_by_default() {
        let mut all = names(None, None);
        assert_eq!(all.len(), NAMES.len());
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), NAMES.len());
        assert_eq!(names(Some("DEFAULT:!MEDIUM"), None), names(None, None));
    }

    #[test]
    fn ciphers_are_chosen_and_taken_away_by_name() {
        let one = "ECDHE-RSA-AES128-GCM-SHA256";
        let suite = "TLS_CHACHA20_POLY1305_SHA256";
        assert_eq!(names(Some(one), Some(suite)), [suite, one]);
        let others = names(Some(&format!("HIGH:!aNULL:!{one}")), Some(suite));
        assert_eq!(others.len(), 6);
        assert!(!others.contains(&one));
        assert_eq!(
            fault(Some("AES128-SHA"), None).split(": ").last(),
            Some("\"AES128-SHA\" is not known")
        );
        assert!(fault(None, Some("DEFAULT")).starts_with("Failed to configure ciphersuites"));
        assert!(fault(Some("!aNULL"), None).ends_with("no cipher is left"));
    }

    #[test]
    fn old_protocols_are_refused_with_a_reason() {
        assert_eq!(protocols("").unwrap().len(), 2);
        assert_eq!(protocols("tlsv1.3").unwrap()[0].version, TLS13.version);
        assert_eq!(protocols("TLSv1.2 TLSv1.3").unwrap().len(), 2);
        let fault = |text| protocols(text).unwrap_err().to_string();
        assert!(fault("TLSv1.1 TLSv1.2").contains("is broken"));
        assert!(fault("SSLv3").contains("no such protocol"));
    }
}
