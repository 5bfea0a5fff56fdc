package consent

// pin ties a text to what it said when it was put into force.
type pin struct{ version, language, sha256 string }

// pins are all texts there ever were. Lines are added, with a new version; none is changed or dropped.
func pins() []pin {
	return []pin{
		{"2026-11", "en", "b596cd29d86dce192578d52468562c97298a75a49b8c78465adf58b930e115b3"},
		{"2026-11", "zh-CN", "08e86051d0c5e87bbeb549f23540047ff33f59962eaffc0b5116b2565a7b8fa4"},
		{"face-2026-12", "en", "b61a0f0008c16dedb5956c958068ca8949f3f4d781fcbab245d0aa0214bf5fab"},
		{"face-2026-12", "zh-CN", "805f3646a258eb7e4d2a8a48bbe7767b4511a2f7f524cf16c538b350ffd41d89"},
		{"identity-2026-12", "en", "3e185649bbd5d577df78a201b793eba24a7b98663192826341c8909ecead8fb6"},
		{"identity-2026-12", "zh-CN", "4c8c2b079049cad062b1e5f14377ea4183fc2c36ab7f284ff820d74109c7e952"},
		{"pictures-2026-12", "en", "72569edc89e5dfd070f9eacb27b54e6379e4fe5982041e8965aef5eccdd16355"},
		{"pictures-2026-12", "zh-CN", "c329b027e6958c6e4da02a9a7ee1da7614ff8d56b1957514f5a14570e353ce73"},
		{"provide-2026-12", "en", "7d8b6adc4e2dae5ecc3ddc2819ed770249926f24665b0321e024c39b16f0e14c"},
		{"provide-2026-12", "zh-CN", "0ac15e8dd3d31a6d75823e0739b04c90f2170b1ae0491c000aaa681e40cb1339"},
	}
}
