"""A profile as tables, with where each entry is known from: for ``edge-collector profiles show`` and docs/profiles/.

``python -m profiles.pages`` writes the pages of docs/profiles in both languages; ``--check`` says which are stale.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel

from config.model import durations, shown_seconds
from profiles.combined import Condition, described
from profiles.derived import Derived
from profiles.load import Shelf
from profiles.model import Profile, Quantity
from profiles.periods import During
from profiles.stated import Names, Stated
from profiles.units import UNITS

Language = Literal["en", "zh"]
FOLDER = Path(__file__).parent.parent / "docs" / "profiles"
_NOT_SHOWN = {"status", "source", "stated"}
_ZH = {
    "profile": "规范配置", "version": "版本", "extends": "继承自", "abstract": "仅供继承", "spec": "规范",
    "time": "时间格式", "codes": "编码", "assets": "设备类型", "asset_at": "设备类型在编码中的位置",
    "classes": "分类", "values": "取值", "quantities": "指标类型", "gases": "气体（CAS 号）", "rules": "规则",
    "warning": "四色预警", "zh": "中文名", "en": "英文名", "unit": "单位", "accepts": "可换算单位",
    "range": "合理范围", "decimals": "小数位", "limits": "报警限", "defaults": "默认限值", "releases": "解报与复电值",
    "require_limits": "必填限值", "max_interval": "最长上报间隔", "delay": "延时", "hysteresis": "回差",
    "jump": "跳变", "frozen": "不变", "attributes": "附加属性", "type": "类型", "length": "长度",
    "characters": "字符", "pattern": "结构", "within": "隶属", "quantity_at": "指标类型位置",
    "region_at": "行政区划位置", "region_digits": "行政区划位数", "check_digit": "校验位", "required": "必需",
    "one_of": "至少其一", "optional": "可选", "molar_mass": "摩尔质量", "zone": "时区", "format": "格式",
    "bad_side": "危险侧", "code_mark": "编码标志", "escalate": "升级个数", "hold_lost": "丢失保持",
    "files": "文本文件", "grammar": "语法", "naming": "文件命名", "receiving": "接收规则", "fields": "字段",
    "states": "状态", "kinds": "文件种类", "header": "文件头", "key": "关键字段", "interval": "周期", "full": "全量",
    "definition": "测点定义", "count": "计数", "field": "字段分隔", "record": "记录结束", "end": "文件结束",
    "header_end": "文件头结束", "encoding": "字符编码", "missing": "缺值", "replaced": "替换为空格的字符",
    "refused": "视为错误的字符", "personal": "个人信息", "code": "编码规则", "quality": "质量",
    "form": "形式", "shortest": "最短长度",
    "seal": "电子封条", "positions": "监控位置", "events": "事件", "group": "类别", "sealed": "封停矿井级别",
    "producing": "生产矿井级别", "on": "触发时长", "off": "解除时长", "merge": "合并时长", "triggers": "触发阈值",
    "contact": "触点", "local": "仅本地",
    "analysis": "分析类型", "case": "分析结果", "works": "许可作业", "findings": "核查结论", "levels": "级别",
    "loop": "报警闭环", "push": "推送", "acknowledge": "确认时限", "check": "核查时限",
    "verdicts": "封条状态", "intact": "完好", "permit": "许可期间", "blind": "无法监视", "groups": "按类别",
    "standing": "持续期间", "until_closed": "直至报警关闭",
    "evidence": "取证", "beat": "心跳与在线", "cm6": "工业视频平台", "paths": "接口路径", "repeat": "重复推送间隔",
    "written": "上报", "of": "内容", "points": "测点", "holds": "填写内容",
    "constants": "固定内容", "part": "取编码第几位", "words": "写法", "attribute": "取自属性", "side": "越限侧",
    "report": "上报格式", "alarm_types": "异常类型", "alarm_levels": "报警级别", "alarm_states": "报警状态",
    "station_quantities": "分站状态依据的指标", "quantity_alarm_types": "按指标的异常类型", "abnormal": "其他异常",
    "way": "至限值的比例", "to": "限值", "state": "状态值",
    "unit_names": "单位写法",
    "pressure": "压力基准（表压、绝压）", "strapped": "罐容表换算", "lel": "爆炸下限（%VOL）",
    "fall_after": "降级读数", "offline_after": "离线判定", "online_window": "在线窗口",
    "online_least": "在线窗口下限", "online_target": "在线率目标", "spacing": "间隔容许倍数", "timely": "及时上限",
    "complete_within": "补传计入完整率时限",
    "accumulates": "累计量", "linkage": "断电与馈电", "control": "控制关系标志", "feed": "馈电关系标志",
    "devices": "断电器", "feeders": "馈电", "after": "时限",
    "trend": "趋势预警", "window": "窗口", "horizon": "预见期", "steps": "段数", "clearness": "显著倍数",
    "tables": "静态表", "columns": "列", "constant": "固定填写",
    "heartbeat": "心跳间隔", "stations": "运行状态的对象", "run_states": "运行状态", "statistic_types": "统计类型",
    "risk": "风险分值", "cleared": "已恢复未关闭折算", "invalid": "无效扣分",
    "offline": "离线扣分", "colours": "颜色门槛",
    "during": "时段", "alert_interval": "预警时间隔",
    "combined": "联合预警", "when": "条件", "least": "至少个数", "raises": "预警指标",
    "level": "级别",
    "more": "升级数", "uncoloured": "无色亦升级",
    "persons": "人员信息文件（加密）", "counts": "其他计数", "since": "起算时间字段", "longer": "时长下限",
    "entered": "进入区域时间字段", "work": "工种表", "energy": "用电量", "edge": "两端读数时限", "date": "日期写法",
    "starts": "开始时间字段", "ends": "结束时间字段",
    "withheld": "默认不发送", "keep": "保存期限", "snapshot": "全量快照", "calls": "求救文本", "names": "名称表",
    "card": "卡号字段", "until": "结束时间字段", "seen": "最近识读时间字段", "help": "求救字段",
    "registered": "登记的分析类型", "everywhere": "每台均登记", "counted": "报人数的分析类型", "directions": "方向代码",
    "people": "人员信息表", "crowding": "超员文件", "restricted": "限制区域", "overtime": "超时计数",
    "alarm": "对方系统报警", "beside": "并列测点（传感器类型）", "graded": "分级字段", "news": "变化即再报的字段",
    "kind": "文件种类", "by": "计数依据", "where": "计数条件",
}  # fmt: skip
_STATUS: dict[Language, dict[str, str]] = {
    "en": {"seen": "seen", "working-definition": "working definition", "common-knowledge": "common knowledge"},
    "zh": {"seen": "有据", "working-definition": "本项目自定", "common-knowledge": "行业常识（未核实）"},
}


_NOTE: dict[Language, str] = {
    "en": "Made from the profile's YAML by `python -m profiles.pages`. What is not *seen* is never the ministry's text:"
    " it is our own working definition, or common in the trade and not confirmed. [How to read it](../profiles.md)",
    "zh": "本页由规范配置 YAML 经 `python -m profiles.pages` 生成。未注明“有据”的内容均不是部委原文，"
    "而是本项目自定，或行业常识（未核实）。[说明](../profiles.md)",
}


_UNITS = """# Units 计量单位

Made from `profiles/tables/units.csv` by `python -m profiles.pages`. The codes are those of UCUM; what UCUM does not
have (%LEL, %RH, %VOL, %CH4, ppm, pH, NTU, kvar, dB(A)) is written as the trade writes it.

代码取自 UCUM；UCUM 未收者按行业习惯书写。"""


class Table(NamedTuple):
    """One part of a profile: `path` as in the file, one row an entry."""

    path: tuple[str, ...]
    columns: list[str]
    rows: list[list[str]]


def tables(profile: Profile, language: Language = "en") -> list[Table]:
    """Every part of a profile; the last column of an entry says where it is known from."""
    return list(_model((), profile, language, profile.spec))


def page(profile: Profile, language: Language) -> str:
    """A profile as a Markdown page."""
    title = profile.spec.zh if language == "zh" else profile.spec.en
    parts = [f"# {profile.profile} {profile.version}: {title}", _NOTE[language]]
    for table in tables(profile, language):
        if table.path:
            parts.append("## " + " · ".join(_word(step, language) for step in table.path))
        rows = [table.columns, ["---"] * len(table.columns), *table.rows]
        parts.append("\n".join(f"| {' | '.join(cell.replace('|', '¦') for cell in row)} |" for row in rows))
    return "\n\n".join(parts) + "\n"


def _model(path: tuple[str, ...], model: BaseModel, language: Language, above: Stated) -> Iterator[Table]:
    """A model's own values as a table of two or three columns, then its parts.

    `above`: the fact of which it is a part, which says where it is known from if it does not say so itself.
    """
    values = _set(model)
    if isinstance(model, Stated):  # a fact is shown also where it is the model's default
        values = {name: getattr(model, name) for name in type(model).model_fields if name not in _NOT_SHOWN} | values
    plain = [name for name, value in values.items() if value not in (None, {}) and not _is_part(value)]
    if plain:
        known = isinstance(model, Stated)
        head = ["field", "value", "known from"] if language == "en" else ["字段", "值", "依据"]
        rows = [
            [
                _word(name, language),
                _cell(model, name, language),
                *([_known(model, name, language)] if isinstance(model, Stated) else []),
            ]
            for name in plain
        ]
        yield Table(path, head if known else head[:2], rows)
    for name, value in _set(model).items():
        if isinstance(value, BaseModel):
            if _is_part(value):
                yield from _model((*path, name), value, language, above)
        elif _is_part(value):
            yield from _entries((*path, name), value, language, model if isinstance(model, Stated) else above)


def _entries(
    path: tuple[str, ...], entries: Mapping[str, BaseModel], language: Language, above: Stated
) -> Iterator[Table]:
    """Entries of one kind, a row each; their own parts follow. `above` as in `_model`."""
    shown = [_set(entry) for entry in entries.values()]
    names = [name for name in type(next(iter(entries.values()))).model_fields if any(name in each for each in shown)]
    names = [name for name in names if not any(_is_part(each.get(name)) for each in shown)]
    columns = ["", *(_word(name, language) for name in names)]
    rows = []
    for key, entry in entries.items():
        known = (
            _known_in_all(entry, names, language) if isinstance(entry, Stated) else _known(above, path[-1], language)
        )
        rows.append([key, *(_cell(entry, name, language) for name in names), known])
    yield Table(path, [*columns, "known from" if language == "en" else "依据"], rows)
    for key, entry in entries.items():
        for name, value in _set(entry).items():
            if _is_part(value) and not isinstance(value, BaseModel):
                yield from _entries((*path, key, name), value, language, entry if isinstance(entry, Stated) else above)


def _set(model: BaseModel) -> dict[str, Any]:
    """What an entry says beyond the defaults of its model."""
    fields = type(model).model_fields
    values = {name: getattr(model, name) for name in fields if name not in _NOT_SHOWN}
    return {
        name: value for name, value in values.items() if value != fields[name].get_default(call_default_factory=True)
    }


def _is_part(value: Any) -> bool:
    """Whether a value has a table of its own."""
    if isinstance(value, Mapping):
        return bool(value) and all(isinstance(each, Names | Stated) for each in value.values())
    return isinstance(value, Stated)


def _known(entry: Stated, field: str, language: Language) -> str:
    status, source = entry.known_from(field)
    return _STATUS[language][status] + (f": {source}" if source else "")


def _known_in_all(entry: Stated, names: list[str], language: Language) -> str:
    """Where an entry is known from, and which of its fields are otherwise known."""
    rest = _STATUS[language][entry.status] + (f": {entry.source}" if entry.source else "")
    other = [f"{_word(name, language)}: {_known(entry, name, language)}" for name in names if name in entry.stated]
    return "; ".join([rest, *other])


def _word(name: str, language: Language) -> str:
    return _ZH.get(name, name) if language == "zh" else name


def _cell(entry: BaseModel, name: str, language: Language = "en") -> str:
    value = getattr(entry, name)
    if language == "zh" and isinstance(entry, Quantity) and name in ("unit", "accepts"):
        codes = (value,) if isinstance(value, str) else value
        return ", ".join(f"{code} {UNITS[code].zh}" for code in codes if code)
    if isinstance(entry, Quantity) and name == "reported" and not value:
        return "no: only stored" if language == "en" else "否：仅存储"
    return shown_seconds(value) if value is not None and name in durations(type(entry)) else _text(value)


def _text(value: Any) -> str:
    """A value for people."""
    match value:
        case None:
            return ""
        case bool():
            return "1" if value else "0"
        case float():
            return f"{value:g}"
        case Derived() | During():
            return value.shown()
        case Condition():
            return described(value)
        case [float() | int() as low, float() | int() as high]:
            return f"{low:g} … {high:g}"
        case list() | tuple():
            return ", ".join(_text(each) for each in value)
        case Mapping():
            return ", ".join(f"{name}: {_text(each)}" for name, each in value.items())
        case BaseModel():
            return ", ".join(f"{name}: {_cell(value, name)}" for name in _set(value))
        case _:
            return str(value).replace("\r", "\\r").replace("\n", "\\n")


def units_page() -> str:
    """The units as a Markdown page, in both languages at once."""
    rows = [[f"`{unit.code}`", unit.zh, unit.en] for unit in UNITS.values()]
    lines = [f"| {' | '.join(row)} |" for row in (["code 代码", "中文", "English"], ["---"] * 3, *rows)]
    return "\n\n".join([_UNITS, "\n".join(lines)]) + "\n"


def pages() -> dict[str, str]:
    """File name to text, of every profile of the package, in both languages, and of the units."""
    shelf = Shelf(())
    found = {"units.md": units_page()}
    for name in sorted(shelf.files):
        profile = shelf.loaded(name).settings
        found[f"{name}.md"] = page(profile, "en")
        found[f"{name}.zh-CN.md"] = page(profile, "zh")
    return found


def stale() -> list[str]:
    """The committed pages that are not what the profiles say."""
    wanted = pages()
    there = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    return sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))


def main() -> int:
    """Write, or check; 1 if a page is stale."""
    if "--check" in sys.argv[1:]:
        for name in stale():
            sys.stderr.write(f"{FOLDER / name} is stale: python -m profiles.pages\n")
        return 1 if stale() else 0
    FOLDER.mkdir(exist_ok=True)
    for name in stale():
        (FOLDER / name).unlink(missing_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
