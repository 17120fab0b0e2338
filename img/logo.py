from style import Figure
def draw():
    return Figure("logo","t","d",440,440)
