"""The network of a forecaster: its layers, and a check that the layers in a model file are those of a forecaster."""

from collections.abc import Iterator, Sequence
from typing import Any

from gatewright.nn.file import Relation
from gatewright.nn.layer import Layer
from gatewright.nn.layers import Dropout, Recurrent
from gatewright.support.errors import InputError
from gatewright.tasks.base.stack import stack_fits
from gatewright.tasks.forecast.decoders import Decoder, Direct, Parallel, Recursive
from gatewright.tasks.forecast.layers import Decaying, Denormalize, InstanceNorm, Quantiles, Segments
from gatewright.tasks.forecast.scales import Scales

LAYERS = (
    *(InstanceNorm, Segments, Decaying, Recurrent, Dropout),
    *(Parallel, Direct, Recursive, Quantiles, Denormalize),
)
ORDER = (
    "instance_norm segments (recurrent dropout?)* recurrent parallel quantiles? denormalize"
    "| instance_norm (decaying | recurrent) dropout? (recurrent dropout?)* direct quantiles? denormalize"
    "| instance_norm (recurrent dropout?)* recurrent recursive quantiles? denormalize"
)
"""The layers of a forecaster and their order, with decoding of segments, direct and recursive; see `nn.file.Schema`."""


def forecaster_layers(scales: Scales, outputs: int, settings: Any) -> list[Layer]:
    """Return the layers of a forecaster: normalization, recurrent layers, a decoder, and inverse normalization.

    Args:
        scales: The variables and their scales, which determine the features of a step.
        outputs: Number of outputs for each target and step ahead: the forecast and its quantiles.
        settings: The forecaster settings that `Forecast.prepare` returned, which include those found from the data.

    Raises:
        InputError: Two settings exclude each other.
    """
    decoding, decays, units = settings.decoding, settings.missing == "decay", settings.units
    if decays and (decoding != "direct" or settings.recurrent_dropout or settings.zoneout):
        raise InputError(
            "missing=decay needs decoding=direct, recurrent_dropout=0 and zoneout=0. Change missing or the others."
        )
    if decoding == "segments" and units % 2:
        raise InputError(f"units must be even with decoding=segments, not {units}. Give an even number.")
    C, known = scales.targets, scales.future_features
    lead = bool(known) and decoding == "recursive"
    layers: list[Layer] = [InstanceNorm(settings.normalization, settings.look_back, C, known, lead)]
    if decoding == "segments":
        layers.append(Segments(settings.segment, units, C))
    for layer in range(settings.layers):
        top = layer == settings.layers - 1
        if decays and layer == 0:
            layers.append(Decaying(settings.cell, units, len(scales.variables) - scales.future_covariates, C, not top))
        else:
            rates = {"recurrent_dropout": settings.recurrent_dropout, "zoneout": settings.zoneout}
            layers.append(Recurrent(settings.cell, units, return_sequences=not top, **rates))
        if settings.output_dropout and not (top and decoding != "direct"):
            layers.append(Dropout(settings.output_dropout))
    ordered = [Quantiles(settings.quantiles)] if settings.quantiles else []
    return [*layers, _decoder(settings, outputs, C, known), *ordered, Denormalize()]


def _decoder(settings: Any, outputs: int, targets: int, future_features: int) -> Decoder:
    sizes = {
        "horizon": settings.horizon,
        "targets": targets,
        "outputs": outputs,
        "future_features": future_features,
    }
    cell = {"cell": settings.cell, "zoneout": settings.zoneout}
    if settings.decoding == "segments":
        own = {"units": settings.units, "segment": settings.segment, "dropout": settings.output_dropout}
        return Parallel(**sizes, **cell, **own)
    if settings.decoding == "direct":
        return Direct(**sizes)
    return Recursive(**sizes, **cell, layers=settings.layers)


def layers_fit(layers: Sequence[Layer]) -> Iterator[Relation]:
    """Yield the relations between the layers of a forecaster."""
    (norm,) = (layer for layer in layers if isinstance(layer, InstanceNorm))
    (decoder,) = (layer for layer in layers if isinstance(layer, Decoder))
    recurrent = [layer for layer in layers if isinstance(layer, Recurrent | Decaying)]
    top = recurrent[-1]
    yield from stack_fits(layers, sequences=False)
    for one in recurrent:
        own, needed = ((layer.cell, layer.units, layer.zoneout) for layer in (one, top))
        yield Relation("cell, units and zoneout of a recurrent layer", own, needed)
    yield Relation("number of targets of the decoder", decoder.targets, norm.targets)
    yield Relation("number of features known ahead of the decoder", decoder.future_features, norm.future_features)
    yield Relation("'lead'", norm.lead, isinstance(decoder, Recursive) and norm.future_features > 0)
    for layer in layers:
        if isinstance(layer, Quantiles):
            yield Relation("number of outputs of the decoder", decoder.outputs, 1 + len(layer.probabilities))
        if isinstance(layer, Decaying):
            yield Relation("number of targets that decay", layer.targets, norm.targets)
            yield Relation("'return_sequences' of the decaying layer", layer.return_sequences, len(recurrent) > 1)
        if isinstance(layer, Segments) and isinstance(decoder, Parallel):
            sizes, needed_sizes = ((part.segment, part.units, part.targets) for part in (layer, decoder))
            yield Relation("segment, units and targets of the segments", sizes, needed_sizes)
            yield Relation("segment", layer.segment, min(layer.segment, norm.look_back))
    if isinstance(decoder, Parallel):
        own, needed = ((part.cell, part.units, part.zoneout) for part in (decoder, top))
        yield Relation("cell, units and zoneout of the decoder", own, needed)
        yield Relation("number of units", decoder.units, decoder.units // 2 * 2)
    if isinstance(decoder, Recursive):
        expected = (top.cell, len(recurrent), top.zoneout)
        yield Relation(
            "cell, layers and zoneout of the decoder", (decoder.cell, decoder.layers, decoder.zoneout), expected
        )
