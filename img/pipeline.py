from style import Figure
def draw():
    return Figure("pipeline","t","d",440,440)
