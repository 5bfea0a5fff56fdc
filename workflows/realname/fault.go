package realname

import "strings"

// Field names the input that a Fault is about, as the API spells it.
type Field string

const (
	FieldName   Field = "name"
	FieldType   Field = "document.type"
	FieldNumber Field = "document.number"
)

// Code is the stable name of a Fault.
type Code string

const (
	CodeRequired        Code = "required"
	CodeTooLong         Code = "too_long"
	CodeCharacters      Code = "characters_not_allowed"
	CodeSeparator       Code = "separator_misplaced"
	CodeTypeUnsupported Code = "document_type_unsupported"
	CodeFirstGeneration Code = "first_generation_number"
	CodeNumberForm      Code = "number_form"
	CodeArea            Code = "area_unknown"
	CodeBirthDate       Code = "birth_date_invalid"
	CodeBirthFuture     Code = "birth_date_in_future"
	CodeCheckDigit      Code = "check_digit_wrong"
)

// Message is a sentence for the merchant in the languages of the pages.
type Message struct {
	En   string `json:"en"`
	ZhCN string `json:"zh-CN"`
}

// Fault says what is wrong with one field. It never holds what was typed.
type Fault struct {
	Field   Field   `json:"field"`
	Code    Code    `json:"code"`
	Message Message `json:"message"`
}

// Faults is everything that is wrong with an input; empty means that it is accepted.
type Faults []Fault

// Err returns f as an error, nil if there is no fault.
func (f Faults) Err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// Error lists fields and codes.
func (f Faults) Error() string {
	parts := make([]string, len(f))
	for i, fault := range f {
		parts[i] = string(fault.Field) + ": " + string(fault.Code)
	}
	return "realname: " + strings.Join(parts, ", ")
}

func fault(field Field, code Code) Fault {
	return Fault{Field: field, Code: code, Message: message(field, code)}
}

// message is the one place of the wording: what the bound is and how to mend it.
func message(field Field, code Code) Message {
	switch code {
	case CodeRequired:
		return required(field)
	case CodeTooLong:
		return Message{"The name may have up to 200 characters. Enter it as it stands on the document.", "姓名最多 200 个字符，请按证件上的姓名填写。"}
	case CodeCharacters:
		return Message{"The name contains invisible or control characters. Type it instead of pasting it.", "姓名中含有不可见字符或控制字符，请手动输入，不要粘贴。"}
	case CodeSeparator:
		return Message{"The separator · stands between two parts of a name: not at its beginning or end, and not twice in a row.", "间隔号“·”只能用在姓名中间，不能位于开头或结尾，也不能连续使用。"}
	case CodeFirstGeneration:
		return Message{"15-digit numbers are no longer accepted. Enter the 18-character number of the present card.", "不再接受 15 位证件号码，请填写现行居民身份证上的 18 位号码。"}
	case CodeNumberForm:
		return Message{"The number has 18 characters: 17 digits, then a digit or X, without spaces.", "证件号码应为 18 位：前 17 位为数字，最后一位为数字或 X，中间不含空格。"}
	case CodeArea:
		return Message{"The first two digits are not those of a province. Compare the number with the card.", "证件号码前两位不是有效的省级代码，请对照证件核对。"}
	case CodeBirthDate:
		return Message{"Digits 7 to 14 must be a date of birth that exists, YYYYMMDD, from 1900 on. Compare the number with the card.", "证件号码第 7 至 14 位应为真实存在的出生日期（年月日，1900 年及以后），请对照证件核对。"}
	case CodeBirthFuture:
		return Message{"Digits 7 to 14, the date of birth, lie in the future. Compare the number with the card.", "证件号码第 7 至 14 位的出生日期晚于今天，请对照证件核对。"}
	case CodeCheckDigit:
		return Message{"The last character does not fit the 17 digits before it: one of them is mistyped. Compare the number with the card.", "证件号码最后一位校验码与前 17 位不符，请对照证件逐位核对。"}
	case CodeTypeUnsupported:
		return unsupported(field)
	default:
		return Message{}
	}
}

func required(field Field) Message {
	switch field {
	case FieldName:
		return Message{"Enter the name as it stands on the document.", "请填写证件上的姓名。"}
	case FieldNumber:
		return Message{"Enter the 18-character number of the document.", "请填写 18 位证件号码。"}
	case FieldType:
		return Message{"State the type of the document: cn_id.", "请选择证件类型：居民身份证（cn_id）。"}
	default:
		return Message{}
	}
}

func unsupported(field Field) Message {
	if field == FieldNumber {
		return Message{"This is the number of a residence permit for Hong Kong, Macao or Taiwan residents. It cannot be checked as an identity card (cn_id): ask support for a review of your documents by a person.", "该号码属于港澳台居民居住证，无法按居民身份证（cn_id）核验，请联系客服申请人工审核。"}
	}
	return Message{"Only cn_id, the resident identity card, is supported. Holders of other documents: ask support for a review by a person.", "目前仅支持居民身份证（cn_id）；持有其他证件的，请联系客服申请人工审核。"}
}
