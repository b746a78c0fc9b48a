namespace Lguest.Jit.Core.Tests.Silicon.Forms;

/// <summary>Operand sizes in bytes, and how they are said.</summary>
internal static class Sizes
{
    public static readonly int[] All = [1, 2, 4];

    /// <summary>The two that the operand-size prefix tells apart.</summary>
    public static readonly int[] Wide = [2, 4];

    public static string Accumulator(int size) => size switch { 1 => "AL", 2 => "AX", _ => "EAX" };

    public static string Place(bool memory) => memory ? "mem" : "reg";

    public static readonly bool[] Places = [false, true];

    public static readonly string[] Conditions = ["O", "NO", "B", "AE", "E", "NE", "BE", "A", "S", "NS", "P", "NP", "L", "GE", "LE", "G"];
}
