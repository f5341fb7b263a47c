//! Arbitrary bytes are a manifest or an error; a manifest has one form only.

use backlogd::snapshot::Manifest;

const HEADER_BYTES: usize = 20;

/// Puts the right length and checksum into the header, so that the payload is reached.
fn repaired(bytes: &[u8]) -> Option<Vec<u8>> {
    let payload = bytes.get(HEADER_BYTES..)?;
    let mut whole = b"BKLGMFST\x01\0\0\0".to_vec();
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
            assert_eq!(manifest.encode(), bytes);
        }
    }
}
