//! Arbitrary bytes are a manifest or an error; a manifest has one form only.

use backlogd::snapshot::Manifest;
use backlogd::snapshot::manifest::MANIFEST_VERSION;

const HEADER_BYTES: usize = 20;

/// Puts the right length and checksum into the header, so that the payload is reached.
fn repaired(bytes: &[u8]) -> Option<Vec<u8>> {
    let payload = bytes.get(HEADER_BYTES..)?;
    let mut whole = b"BKLGMFST".to_vec();
    whole.extend_from_slice(&MANIFEST_VERSION.to_le_bytes());
    whole.extend_from_slice(&u32::try_from(payload.len()).ok()?.to_le_bytes());
    let summed = [&whole[8..], payload].concat();
    whole.extend_from_slice(&crc32fast::hash(&summed).to_le_bytes());
    whole.extend_from_slice(payload);
    Some(whole)
}

/// What holds for any bytes.
pub fn check(bytes: &[u8]) {
    for bytes in [Some(bytes.to_vec()), repaired(bytes)].into_iter().flatten() {
        if let Ok(manifest) = Manifest::decode(&bytes) {
            let encoded = manifest.encode();
            if bytes[8..12] == encoded[8..12] {
                assert_eq!(encoded, bytes);
            } else {
                // One of the version before says the same in other bytes.
                assert_eq!(Manifest::decode(&encoded), Ok(manifest));
            }
        }
    }
}
