-- Format 5: lists by two filters at once. An index that knows only one of them leads past rows that the other leaves out.

CREATE INDEX intents_agent_status ON intents (agent, status, first_seq) WHERE agent IS NOT NULL;
CREATE INDEX intents_repository_status ON intents (repository, status, first_seq);
CREATE INDEX intents_rule_status ON intents (rule, status, first_seq) WHERE rule IS NOT NULL;
