from style import Figure
def draw():
    return Figure("favicon","t","d",440,440)
