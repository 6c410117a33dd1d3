"""The network of a forecaster: its layers, and a check that the layers in a model file are those of a forecaster."""

from collections.abc import Mapping, Sequence
from typing import Any

from gatewright.nn import layers as common
from gatewright.nn.layer import Layer
from gatewright.nn.layers import Dropout, Recurrent
from gatewright.support.errors import InputError
from gatewright.tasks.forecast.decoders import Decoder, Direct, Parallel, Recursive
from gatewright.tasks.forecast.layers import Decaying, Denormalize, InstanceNorm, Quantiles, Segments
from gatewright.tasks.forecast.scales import Scales

LAYERS: Mapping[str, type[Layer]] = {
    **common.LAYERS,
    **{
        layer.kind: layer
        for layer in (InstanceNorm, Decaying, Segments, Parallel, Direct, Recursive, Quantiles, Denormalize)
    },
}
"""The layers that a forecaster may have, by the names that model files use."""

_MAX_HORIZON = 1 << 20


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


def is_forecaster(layers: Sequence[Layer]) -> bool:
    """Return whether layers form a forecaster.

    A forecaster consists of a normalization, recurrent layers of one kind that read steps or segments, a decoder, a
    layer of quantiles if there are any, and a layer that undoes the normalization. Dropout may come between any two
    layers. All layers have the same numbers of
    targets and of features known ahead.
    """
    others = [layer for layer in layers if not isinstance(layer, Dropout | Quantiles)]
    if len(others) < 4:
        return False
    norm, below, decoder, last = layers[0], others[1:-2], others[-2], others[-1]
    if not (isinstance(norm, InstanceNorm) and isinstance(decoder, Decoder) and isinstance(last, Denormalize)):
        return False
    segments = [layer for layer in below if isinstance(layer, Segments)]
    recurrent = [layer for layer in below if isinstance(layer, Recurrent | Decaying)]
    return (
        below == [*segments, *recurrent]
        and _is_stack(recurrent, decoder, norm.targets)
        and (decoder.targets, decoder.future_features) == (norm.targets, norm.future_features)
        and norm.targets > 0
        and norm.look_back > 0
        and norm.lead == (isinstance(decoder, Recursive) and norm.future_features > 0)
        and 0 < decoder.horizon < _MAX_HORIZON
        and decoder.outputs > 0
        and all(_fits_quantiles(layers, place) for place, layer in enumerate(layers) if isinstance(layer, Quantiles))
        and _decodes(decoder, segments, recurrent, norm.look_back)
    )


def _fits_quantiles(layers: Sequence[Layer], place: int) -> bool:
    """Return whether a layer of quantiles follows the decoder, and has a probability for each of its other outputs."""
    layer, before = layers[place], layers[place - 1]
    return (
        isinstance(layer, Quantiles)
        and isinstance(before, Decoder)
        and before.outputs == 1 + len(layer.probabilities)
        and list(layer.probabilities) == sorted(layer.probabilities)
        and all(0 < q < 1 for q in layer.probabilities)
    )


def _is_stack(recurrent: Sequence[Recurrent | Decaying], decoder: Decoder, targets: int) -> bool:
    """Return whether recurrent layers form the stack of a forecaster.

    In such a stack, all layers have the same recurrent cell, units and zoneout. Only the top layer returns just its
    last output, and only the first layer may be `Decaying`.
    """
    decaying = [layer for layer in recurrent if isinstance(layer, Decaying)]
    return (
        len({(layer.cell, layer.units, layer.zoneout) for layer in recurrent}) == 1
        and [layer.return_sequences for layer in recurrent] == [True] * (len(recurrent) - 1) + [False]
        and not any(isinstance(layer, Recurrent) and layer.bidirectional for layer in recurrent)
        and (not decaying or (decaying == recurrent[:1] and isinstance(decoder, Direct)))
        and all(targets == layer.targets <= layer.variables for layer in decaying)
    )


def _decodes(
    decoder: Decoder, segments: Sequence[Segments], recurrent: Sequence[Recurrent | Decaying], look_back: int
) -> bool:
    """Return whether a decoder fits the recurrent layers whose weights it uses, and the `Segments` layer, if any."""
    top = recurrent[-1]
    if isinstance(decoder, Parallel):
        return (
            list(segments) == [Segments(decoder.segment, decoder.units, decoder.targets)]
            and decoder.units % 2 == 0
            and 0 < decoder.segment <= look_back
            and (decoder.cell, decoder.units, decoder.zoneout) == (top.cell, top.units, top.zoneout)
        )
    if isinstance(decoder, Recursive):
        same = (decoder.cell, decoder.zoneout, decoder.layers) == (top.cell, top.zoneout, len(recurrent))
        return same and not segments
    return not segments
