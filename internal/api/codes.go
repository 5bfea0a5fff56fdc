package api

import (
	"net/http"
	"time"
)

// Code is the stable name of a problem.
type Code string

const (
	CodeInvalidRequest       Code = "invalid_request"
	CodeUnauthenticated      Code = "unauthenticated"
	CodeForbidden            Code = "forbidden"
	CodeNotFound             Code = "not_found"
	CodeAccountNotFound      Code = "account_not_found"
	CodePolicyNotFound       Code = "policy_not_found"
	CodeWebhookNotFound      Code = "webhook_not_found"
	CodeMessageNotFound      Code = "message_not_found"
	CodePolicyVersionTaken   Code = "policy_version_taken"
	CodePolicyState          Code = "policy_state"
	CodePoliciesClash        Code = "policies_clash"
	CodeSecondApprover       Code = "second_approver_needed"
	CodeNotBraked            Code = "not_braked"
	CodePromptNotFound       Code = "prompt_not_found"
	CodeRunNotFound          Code = "run_not_found"
	CodeExtensionNotFound    Code = "extension_not_found"
	CodeSweepNotFound        Code = "sweep_not_found"
	CodeSweepEnded           Code = "sweep_ended"
	CodeMethodNotAllowed     Code = "method_not_allowed"
	CodeStepNotAllowed       Code = "step_not_allowed"
	CodeCorrectionNotAllowed Code = "correction_not_allowed"
	CodeAttemptsExhausted    Code = "attempts_exhausted"
	CodeCaseNotFound         Code = "case_not_found"
	CodeCaseClaimed          Code = "case_claimed"
	CodeCaseMoved            Code = "case_moved"
	CodeClaimNeeded          Code = "claim_needed"
	CodeIdentityNotFound     Code = "identity_not_found"
	CodeConsentTextNotFound  Code = "consent_text_not_found"
	CodeIdempotencyConflict  Code = "idempotency_conflict"
	CodeFactsDiffer          Code = "facts_differ"
	CodeWebhookDisabled      Code = "webhook_disabled"
	CodeTooManyWebhooks      Code = "too_many_webhooks"
	CodeAccountClosed        Code = "account_closed"
	CodeExtensionDecided     Code = "extension_decided"
	CodeEvidenceNotFound     Code = "evidence_not_found"
	CodeErasureNotFound      Code = "erasure_not_found"
	CodeEvidenceMissing      Code = "evidence_missing"
	CodeEvidenceChanged      Code = "evidence_changed"
	CodeTooLarge             Code = "too_large"
	CodeUnsupportedMediaType Code = "unsupported_media_type"
	CodeValidationFailed     Code = "validation_failed"
	CodeUnknownAction        Code = "unknown_action"
	CodeConsentRequired      Code = "consent_required"
	CodeProviderRefused      Code = "provider_refused"
	CodeRateLimited          Code = "rate_limited"
	CodeInternal             Code = "internal"
	CodeEngineUnavailable    Code = "engine_unavailable"
	CodeStoreUnavailable     Code = "store_unavailable"
	CodeProviderUnavailable  Code = "provider_unavailable"
	CodeClockSkew            Code = "clock_skew"
	CodeStopping             Code = "stopping"
)

type meaning struct {
	status        int
	retry         time.Duration // Retry-After, if not zero
	title, detail text
}

// codes is every problem that the API answers.
func codes() map[Code]meaning {
	const second = time.Second
	return map[Code]meaning{
		CodeInvalidRequest: {http.StatusBadRequest, 0,
			text{"The request was not understood", "无法理解该请求"},
			text{"Send one JSON object with the documented fields and types.", "请发送一个 JSON 对象，并使用文档中规定的字段和类型。"}},
		CodeUnauthenticated: {http.StatusUnauthorized, 0,
			text{"No valid API key", "缺少有效的 API 密钥"},
			text{"Send Authorization: Bearer with an API key that is known, enabled and not expired.", "请在 Authorization: Bearer 中提供有效、已启用且未过期的 API 密钥。"}},
		CodeForbidden: {http.StatusForbidden, 0,
			text{"The API key may not do this", "该 API 密钥无权执行此操作"},
			text{"Use a key with the scope that is named.", "请使用具备所示权限范围的密钥。"}},
		CodeKeyBound: {http.StatusForbidden, 0,
			text{"The API key is bound to accounts", "该 API 密钥仅限于部分账号"},
			text{"This concerns all accounts, or the deployment. Use a key without a set of accounts.", "此操作涉及全部账号或整个部署，请使用未限定账号范围的密钥。"}},
		CodeNotFound: {http.StatusNotFound, 0,
			text{"There is nothing at this address", "该地址不存在"},
			text{"See /docs for the addresses of this API.", "请在 /docs 查看可用的接口地址。"}},
		CodeAccountNotFound: {http.StatusNotFound, 0,
			text{"The account is not registered", "账号未登记"},
			text{"Register it with PUT /v1/accounts/{account_id} first. A question about the past finds only what was recorded by then.", "请先通过 PUT /v1/accounts/{account_id} 登记。查询过去时点时，只能查到当时已登记的内容。"}},
		CodePolicyNotFound: {http.StatusNotFound, 0,
			text{"There is no such policy version", "不存在该规则版本"},
			text{"GET /v1/policies lists what was published.", "可通过 GET /v1/policies 查看已发布的版本。"}},
		CodeWebhookNotFound: {http.StatusNotFound, 0,
			text{"There is no such webhook", "不存在该 webhook"},
			text{"GET /v1/webhooks lists them.", "可通过 GET /v1/webhooks 查看。"}},
		CodeKeyNotFound: {http.StatusNotFound, 0,
			text{"There is no such API key", "不存在该 API 密钥"},
			text{"GET /v1/keys lists them.", "可通过 GET /v1/keys 查看。"}},
		CodeKeyEnded: {http.StatusConflict, 0,
			text{"The API key has ended", "该 API 密钥已失效"},
			text{"A key that is disabled or expired gets no other secret. Create another key.", "已停用或已到期的密钥不能更换，请新建密钥。"}},
		CodeOperatorNotFound: {http.StatusNotFound, 0,
			text{"There is no such operator", "不存在该操作人员"},
			text{"GET /v1/operators lists them.", "可通过 GET /v1/operators 查看。"}},
		CodeLoginTaken: {http.StatusConflict, 0,
			text{"Somebody has this login name", "该登录名已被使用"},
			text{"Names of disabled operators stay theirs: the log goes on to name them. Choose another one.", "已停用人员的登录名仍予保留，以便日志可追溯。请另选登录名。"}},
		CodeLastAdmin: {http.StatusConflict, 0,
			text{"This is the last admin", "这是最后一名管理员"},
			text{"Make somebody else an admin first: nobody would be left to manage operators.", "请先将其他人设为管理员，否则将无人可以管理操作人员。"}},
		CodeOwnAccount: {http.StatusConflict, 0,
			text{"This is your own account", "这是您自己的账号"},
			text{"Another admin has to change your role, disable you, or give you another password.", "您的角色、停用和密码重置须由其他管理员操作。"}},
		CodeKeptElsewhere: {http.StatusConflict, 0,
			text{"The identity provider decides this", "此项由身份提供方决定"},
			text{"This person signs in at the identity provider: change the groups or the password there. Disabling works here.", "该人员通过身份提供方登录，请在该处更改用户组或密码；停用可在此处进行。"}},
		CodeMessageNotFound: {http.StatusNotFound, 0,
			text{"There is no such message", "不存在该消息"},
			text{"Give the webhook-id of a message of an account's log.", "请提供账号日志中某条消息的 webhook-id。"}},
		CodePolicyVersionTaken: {http.StatusConflict, 0,
			text{"This version of the policy has another text", "该规则版本已有其他内容"},
			text{"Versions never change. Give the new text the next number.", "已有版本不可更改，请为新内容使用下一个版本号。"}},
		CodePolicyState: {http.StatusConflict, 0,
			text{"The state of this version does not allow it", "该版本的状态不允许此操作"},
			text{"Only a proposal is approved or rejected; only what is not in force is withdrawn. Against a rule in force there is the brake.", "仅可批准或驳回提案，仅可撤回尚未生效的版本；对已生效的规则请使用紧急制动。"}},
		CodePoliciesClash: {http.StatusConflict, 0,
			text{"The policies could not be in force together", "规则无法同时生效"},
			text{"Two policies must not have a rule of the same id, nor declare too many actions together.", "不同规则文件不得含有相同的规则标识，声明的操作总数也不得超出上限。"}},
		CodeSecondApprover: {http.StatusConflict, 0,
			text{"A second person has to approve this", "需由另一人批准"},
			text{"The key that proposed a version cannot approve it. Use another person's key with the scope policies:approve.", "提出该版本的密钥不能自行批准，请使用另一人持有的、具备 policies:approve 权限的密钥。"}},
		CodeNotBraked: {http.StatusConflict, 0,
			text{"There is no such brake", "不存在该紧急制动"},
			text{"A brake is released as it was put: the policy as a whole, or the one rule. GET /v1/brakes lists what holds.", "解除须与制动时的对象一致：整个规则文件或单条规则。可通过 GET /v1/brakes 查看当前制动。"}},
		CodePromptNotFound: {http.StatusNotFound, 0,
			text{"The account has no such prompt", "该账号没有此提示"},
			text{"Prompts are counted by POST /v1/accounts/{account_id}/logins, from 1.", "提示由 POST /v1/accounts/{account_id}/logins 计数，从 1 开始。"}},
		CodeRunNotFound: {http.StatusNotFound, 0,
			text{"There is no such run", "不存在该次执行"},
			text{"Use the run_id that the start answered. Runs that ended long ago are forgotten.", "请使用开始执行时返回的 run_id；很久以前结束的执行不再保留。"}},
		CodeExtensionNotFound: {http.StatusNotFound, 0,
			text{"There is no such extension", "不存在该延期"},
			text{"GET /v1/extensions lists what was requested; a batch is known once one of its lines was taken.", "可通过 GET /v1/extensions 查看已申请的延期；批次在至少一行被接受后才存在。"}},
		CodeSweepNotFound: {http.StatusNotFound, 0,
			text{"There is no such sweep", "不存在该巡检任务"},
			text{"GET /v1/sweeps lists them; an id has the form policy.version.instant.", "可通过 GET /v1/sweeps 查看；编号格式为 policy.version.instant。"}},
		CodeSweepEnded: {http.StatusConflict, 0,
			text{"The sweep has ended", "该巡检任务已结束"},
			text{"Start another one with POST /v1/sweeps; it does what is left.", "请通过 POST /v1/sweeps 启动新的任务，以完成剩余部分。"}},
		CodeMethodNotAllowed: {http.StatusMethodNotAllowed, 0,
			text{"The address does not take this method", "该地址不支持此方法"},
			text{"Use a method that the Allow header names.", "请使用 Allow 响应头中列出的方法。"}},
		CodeStepNotAllowed: {http.StatusConflict, 0,
			text{"The verification does not allow this step now", "当前状态不允许此步骤"},
			text{"The state and the steps that it allows are given.", "响应中给出了当前状态和允许的步骤。"}},
		CodeCorrectionNotAllowed: {http.StatusConflict, 0,
			text{"The information may not be corrected now", "目前不能更正信息"},
			text{"The right to correct is used up or its time has passed; support can correct with a reason.", "更正次数已用完或已过更正期限；可由客服说明原因后更正。"}},
		CodeAttemptsExhausted: {http.StatusConflict, 0,
			text{"No attempts are left for now", "认证次数已用完"},
			text{"The next attempt is possible at next_at. The route without a face is open meanwhile.", "可在 next_at 之后再次尝试，期间可选择不使用人脸的方式。"}},
		CodeCaseNotFound: {http.StatusNotFound, 0,
			text{"The account does not wait for a reviewer", "该账号不在审核队列中"},
			text{"GET /v1/reviews lists who does. It may have been decided just now.", "可通过 GET /v1/reviews 查看待审核的账号；该案件可能刚刚已被处理。"}},
		CodeCaseClaimed: {http.StatusConflict, 0,
			text{"Somebody else holds this case", "该案件正由他人处理"},
			text{"holder has claimed it. Unless it is decided first, the claim ends at next_at.", "holder 已领取该案件；如未先行处理，领取将于 next_at 失效。"}},
		CodeCaseMoved: {http.StatusConflict, 0,
			text{"The case is not the one that was looked at", "案件内容已变更"},
			text{"The account has come into the queue anew, for instance with corrected information. Look at it again before you decide.", "该账号已重新进入队列（例如信息已更正），请重新查看后再作决定。"}},
		CodeClaimNeeded: {http.StatusConflict, 0,
			text{"The case has to be claimed first", "请先领取案件"},
			text{"Names and numbers are shown in clear to who holds the case: POST /v1/reviews/{account_id}/claim.", "完整的姓名和证件号码仅向案件的领取人显示，请先使用 POST /v1/reviews/{account_id}/claim。"}},
		CodeIdentityNotFound: {http.StatusNotFound, 0,
			text{"The account has no real-name information", "该账号没有实名信息"},
			text{"Nothing was submitted here, or it was deleted.", "尚未在此提交，或已被删除。"}},
		CodeConsentTextNotFound: {http.StatusNotFound, 0,
			text{"There is no text of this version", "没有该版本的文本"},
			text{"GET /v1/consent-texts lists them all, also those no longer in force.", "可通过 GET /v1/consent-texts 查看全部文本，包括已不再使用的文本。"}},
		CodeIdempotencyConflict: {http.StatusConflict, 0,
			text{"The Idempotency-Key was used for another request", "该 Idempotency-Key 已用于其他请求"},
			text{"Send the same body as the first time, or a new key.", "请发送与首次相同的内容，或使用新的键。"}},
		CodeFactsDiffer: {http.StatusConflict, 0,
			text{"The account is registered with other facts", "账号已以不同信息登记"},
			text{"Changing kind, region or registered_at can lift a block: it needs a reason and the scope accounts:correct.", "更改类型、地区或注册时间可能解除限制，需要说明原因并具备 accounts:correct 权限。"}},
		CodeWebhookDisabled: {http.StatusConflict, 0,
			text{"The webhook is disabled", "该 webhook 已停用"},
			text{"Enable it first.", "请先启用。"}},
		CodeTooManyWebhooks: {http.StatusConflict, 0,
			text{"As many webhooks are enabled as may be", "已启用的 webhook 数量达到上限"},
			text{"Disable one that is no longer needed.", "请停用不再需要的 webhook。"}},
		CodeAccountClosed: {http.StatusConflict, 0,
			text{"The account is closed", "账号已关闭"},
			text{"A closed account takes no further steps. If it was closed by mistake, POST /v1/accounts/{account_id}/reopen.", "已关闭的账号不能继续操作。如系误关，请使用 POST /v1/accounts/{account_id}/reopen 重新开启。"}},
		CodeExtensionDecided: {http.StatusConflict, 0,
			text{"The extension is in another state", "延期状态不允许此操作"},
			text{"Approve or reject one that is requested; revoke one that is approved.", "只能批准或拒绝待审批的延期，只能撤销已批准的延期。"}},
		CodeErasureNotFound: {http.StatusNotFound, 0,
			text{"The account has no such erasure", "该账号没有此删除记录"},
			text{"GET /v1/accounts/{account_id}/erasures lists them.", "可通过 GET /v1/accounts/{account_id}/erasures 查看。"}},
		CodeEvidenceNotFound: {http.StatusNotFound, 0,
			text{"The account has no such evidence", "该账号没有此材料"},
			text{"GET /v1/accounts/{account_id}/evidence lists what is there. What was taken back, or kept its time after the decision, is deleted.", "可通过 GET /v1/accounts/{account_id}/evidence 查看现有材料；已撤回或在作出决定后保存期满的材料会被删除。"}},
		CodeEvidenceMissing: {http.StatusConflict, 0,
			text{"Evidence is missing", "材料不完整"},
			text{"A verification without a face is approved on evidence. What is missing is listed in errors; the merchant gives it on the pages, or a program by POST /v1/accounts/{account_id}/evidence.", "不使用人脸的认证须凭材料通过。errors 列出缺少的材料，可由用户在页面上传，或由程序通过 POST /v1/accounts/{account_id}/evidence 提交。"}},
		CodeEvidenceChanged: {http.StatusConflict, 0,
			text{"The evidence is no longer what was looked at", "材料已发生变化"},
			text{"Look at what is there now, and decide then.", "请查看当前材料后再作决定。"}},
		CodeTooLarge: {http.StatusRequestEntityTooLarge, 0,
			text{"The request is too large", "请求过大"},
			text{"Send less at once.", "请减少单次发送的内容。"}},
		CodeUnsupportedMediaType: {http.StatusUnsupportedMediaType, 0,
			text{"The content type is not supported", "不支持该内容类型"},
			text{"Send application/json (application/x-ndjson or text/csv to import) without content encoding.", "请使用 application/json（导入时使用 application/x-ndjson 或 text/csv），且不使用内容编码。"}},
		CodeValidationFailed: {http.StatusUnprocessableEntity, 0,
			text{"The request is well-formed but wrong", "请求内容有误"},
			text{"Every fault is listed in errors.", "全部错误列于 errors 中。"}},
		CodeUnknownAction: {http.StatusUnprocessableEntity, 0,
			text{"No policy declares this action", "没有规则声明该操作"},
			text{"Use an action that a published policy declares; see GET /v1/policies.", "请使用已发布规则中声明的操作，可通过 GET /v1/policies 查看。"}},
		CodeConsentRequired: {http.StatusUnprocessableEntity, 0,
			text{"Face verification needs the merchant's consent", "人脸识别验证需要用户授权"},
			text{"Send consent and provide, each with agreed: true, once the merchant has agreed to both texts, one by one.", "请在用户分别同意两份文本后发送 consent 和 provide，且 agreed 均为 true。"}},
		CodeProviderRefused: {http.StatusUnprocessableEntity, 0,
			text{"The face provider refuses this information", "人脸识别服务不接受该信息"},
			text{"Asking again does not help. Correct the information, or choose the route without a face.", "重复请求无效，请更正信息或选择不使用人脸的方式。"}},
		CodeRateLimited: {http.StatusTooManyRequests, second,
			text{"Too many requests", "请求过于频繁"},
			text{"Wait as long as Retry-After says.", "请按 Retry-After 指示的时间等待后再试。"}},
		CodeInternal: {http.StatusInternalServerError, 0,
			text{"Something went wrong here", "服务内部错误"},
			text{"It was logged. Sending the request again with the same Idempotency-Key is safe.", "错误已记录，可使用相同的 Idempotency-Key 安全重试。"}},
		CodeEngineUnavailable: {http.StatusServiceUnavailable, 2 * second,
			text{"The workflow engine does not answer", "流程引擎暂不可用"},
			text{"Send the request again with the same Idempotency-Key; command says whether it may have been taken.", "请使用相同的 Idempotency-Key 重试；command 表明该命令是否可能已被接受。"}},
		CodeStoreUnavailable: {http.StatusServiceUnavailable, second,
			text{"The database does not answer", "数据库暂不可用"},
			text{"Send the request again with the same Idempotency-Key.", "请使用相同的 Idempotency-Key 重试。"}},
		CodeProviderUnavailable: {http.StatusServiceUnavailable, 5 * second,
			text{"The face provider does not answer", "人脸识别服务暂不可用"},
			text{"Nothing was changed. Try again later, or choose the route without a face.", "状态未改变，请稍后重试或选择不使用人脸的方式。"}},
		CodeClockSkew: {http.StatusServiceUnavailable, 5 * second,
			text{"The clock of this server is off", "服务器时钟异常"},
			text{"No decision can be dated. Ask another instance, or try again later.", "暂时无法给出判定，请稍后重试。"}},
		CodeStopping: {http.StatusServiceUnavailable, second,
			text{"This process is about to stop", "本实例即将停止"},
			text{"Send requests to another instance.", "请将请求发送到其他实例。"}},
	}
}
