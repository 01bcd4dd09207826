"""Class lists of published detectors, in the order of their outputs and without background."""

from collections.abc import Sequence

from multibox.data.formats.voc.reader import VOC_CLASSES
from multibox.errors import UsageError

_COCO = """
person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, stop sign,
parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella,
handbag, tie, suitcase, frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard,
surfboard, tennis racket, bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange,
broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, laptop,
mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock, vase, scissors,
teddy bear, hair drier, toothbrush
"""

_ILSVRC = """
accordion airplane ant antelope apple armadillo artichoke axe baby_bed backpack bagel balance_beam banana band_aid
banjo baseball basketball bathing_cap beaker bear bee bell_pepper bench bicycle binder bird bookshelf bow_tie bow bowl
brassiere burrito bus butterfly camel can_opener car cart cattle cello centipede chain_saw chair chime cocktail_shaker
coffee_maker computer_keyboard computer_mouse corkscrew cream croquet_ball crutch cucumber cup_or_mug diaper
digital_clock dishwasher dog domestic_cat dragonfly drum dumbbell electric_fan elephant face_powder fig filing_cabinet
flower_pot flute fox french_horn frog frying_pan giant_panda goldfish golf_ball golfcart guacamole guitar hair_dryer
hair_spray hamburger hammer hamster harmonica harp hat_with_a_wide_brim head_cabbage helmet hippopotamus
horizontal_bar horse hotdog iPod isopod jellyfish koala_bear ladle ladybug lamp laptop lemon lion lipstick lizard
lobster maillot maraca microphone microwave milk_can miniskirt monkey motorcycle mushroom nail neck_brace oboe orange
otter pencil_box pencil_sharpener perfume person piano pineapple ping-pong_ball pitcher pizza plastic_bag plate_rack
pomegranate popsicle porcupine power_drill pretzel printer puck punching_bag purse rabbit racket ray red_panda
refrigerator remote_control rubber_eraser rugby_ball ruler salt_or_pepper_shaker saxophone scorpion screwdriver seal
sheep ski skunk snail snake snowmobile snowplow soap_dispenser soccer_ball sofa spatula squirrel starfish stethoscope
stove strainer strawberry stretcher sunglasses swimming_trunks swine syringe table tape_player tennis_ball tick tie
tiger toaster traffic_light train trombone trumpet turtle tv_or_monitor unicycle vacuum violin volleyball waffle_iron
washer water_bottle watercraft whale wine_bottle zebra
"""

VOC = VOC_CLASSES
COCO = tuple(name.strip() for name in _COCO.split(","))
ILSVRC = tuple(_ILSVRC.split())

# The ids 1 to 90 of the COCO annotations, ten of which no object has; some models have an output for each id.
_UNUSED_IDS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
_names = iter(COCO)
COCO_IDS = tuple(f"unused {i}" if i in _UNUSED_IDS else next(_names) for i in range(1, 91))

_KNOWN = {len(names): names for names in (VOC, COCO, COCO_IDS, ILSVRC)}


def names_for(count: int, given: Sequence[str] | None, *, source: str) -> tuple[str, ...]:
    """The given names if there are `count`, else the published list of that length, else "class 1" and so on.

    Raises UsageError where the given names are not as many as the file's classes, or one of them appears twice.
    """
    if given is None:
        return _KNOWN.get(count, tuple(f"class {i}" for i in range(1, count + 1)))
    if len(given) != count:
        raise UsageError(
            f"{len(given)} class names for {source}, which has {count} classes: give {count} names, without background"
        )
    if len(set(given)) < count:
        twice = next(name for name in given if given.count(name) > 1)
        raise UsageError(f"class name {twice!r} is given twice: every class needs a name of its own")
    return tuple(given)
