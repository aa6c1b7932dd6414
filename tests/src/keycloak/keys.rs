//! The administrator's way to change a realm's signing keys, by Keycloak's admin REST API: add, make passive, delete.
//! What that means for tokens is the suite's to find out.

use serde_json::{Value, json};

use super::home::ADMIN;
use super::{Keycloak, Tokens, ok};
use crate::Result;

const KEY_PROVIDER: &str = "org.keycloak.keys.KeyProvider";

/// One key provider of a realm: one signing key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOf {
    realm: String,
    id: String,
}

impl Keycloak {
    /// The administrator's own token, of the realm `master`. It lives for a minute.
    ///
    /// # Errors
    /// When Keycloak refuses.
    pub async fn admin(&self) -> Result<Tokens> {
        let form = [
            ("client_id", "admin-cli"),
            ("grant_type", "password"),
            ("username", ADMIN),
            ("password", ADMIN),
        ];
        self.granted("master", &form).await
    }

    /// The key that the fixtures or [`Keycloak::add_rsa_key`] gave this name.
    ///
    /// # Errors
    /// When there is none.
    pub async fn key(&self, realm: &str, name: &str) -> Result<KeyOf> {
        let path = format!("/admin/realms/{realm}/components?type={KEY_PROVIDER}&name={name}");
        let found = self.administer("GET", &path, None, 200).await?;
        let id = found.pointer("/0/id").and_then(Value::as_str);
        let id = id.ok_or_else(|| format!("the realm {realm} has no key {name}"))?.to_owned();
        Ok(KeyOf { realm: realm.to_owned(), id })
    }

    /// Adds an RS256 key, which signs new tokens if no active key has a higher priority.
    ///
    /// # Errors
    /// When Keycloak refuses.
    pub async fn add_rsa_key(&self, realm: &str, name: &str, priority: u32) -> Result<KeyOf> {
        let own = self.administer("GET", &format!("/admin/realms/{realm}"), None, 200).await?;
        let component = json!({
            "name": name,
            "providerId": "rsa-generated",
            "providerType": KEY_PROVIDER,
            "parentId": own.get("id"),
            "config": {
                "priority": [priority.to_string()],
                "enabled": ["true"],
                "active": ["true"],
                "algorithm": ["RS256"],
                "keySize": ["2048"],
            },
        });
        let path = format!("/admin/realms/{realm}/components");
        self.administer("POST", &path, Some(component), 201).await?;
        self.key(realm, name).await
    }

    /// Makes a key passive: it is still published and signs nothing any more.
    ///
    /// # Errors
    /// When Keycloak refuses.
    pub async fn make_passive(&self, key: &KeyOf) -> Result<()> {
        let path = format!("/admin/realms/{}/components/{}", key.realm, key.id);
        let mut component = self.administer("GET", &path, None, 200).await?;
        if let Some(config) = component.get_mut("config").and_then(Value::as_object_mut) {
            config.insert("active".to_owned(), json!(["false"]));
        }
        self.administer("PUT", &path, Some(component), 204).await.map(drop)
    }

    /// Deletes a key.
    ///
    /// # Errors
    /// When Keycloak refuses.
    pub async fn delete_key(&self, key: &KeyOf) -> Result<()> {
        let path = format!("/admin/realms/{}/components/{}", key.realm, key.id);
        self.administer("DELETE", &path, None, 204).await.map(drop)
    }

    /// One call of the admin API; null where the answer has no body.
    async fn administer(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        status: u16,
    ) -> Result<Value> {
        let mut request = self.request(method, path).bearer(&self.admin().await?.access);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = ok(self.send(request).await?, status)?;
        if response.body.is_empty() { Ok(Value::Null) } else { response.json() }
    }
}
