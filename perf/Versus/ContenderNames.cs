namespace Lguest.Jit.Perf.Versus;

/// <summary>Who may take part.</summary>
internal static class ContenderNames
{
    public const string Jit = "jit";
    public const string Interpreter = "interpreter";
    public const string Qemu = "qemu";

    public static IReadOnlyList<string> All { get; } = [Jit, Interpreter, Qemu];
}
