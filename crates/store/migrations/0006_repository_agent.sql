-- Format 6: what an agent changes in a repository. Lists by both read along one of them and passed over what the other leaves out.

CREATE INDEX intents_repository_agent ON intents (repository, agent, first_seq) WHERE agent IS NOT NULL;
