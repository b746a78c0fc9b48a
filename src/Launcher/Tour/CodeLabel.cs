using Iced.Intel;

namespace Lguest.Jit.Launcher.Tour;

/// <summary>
/// A place in Guest code. Iced's own <see cref="Label"/> is a struct that learns its position when it is marked; this
/// holds it by reference, so that code emitted before the mark may name it.
/// </summary>
internal sealed class CodeLabel(Label value)
{
    private Label _value = value;

    public ref Label Value => ref _value;

    public static implicit operator Label(CodeLabel label) => label._value;
}
