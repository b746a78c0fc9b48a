namespace Lguest.Jit.Guests.Programs.FloatingPoint;

/// <summary>SSE2: each operation rounds to a double.</summary>
internal readonly record struct DoubleReal(double Stored) : IReal<DoubleReal>
{
    public static DoubleReal Of(double value) => new(value);

    public static DoubleReal Root(DoubleReal value) => new(Math.Sqrt(value.Stored));

    public static DoubleReal operator +(DoubleReal left, DoubleReal right) => new(left.Stored + right.Stored);

    public static DoubleReal operator -(DoubleReal left, DoubleReal right) => new(left.Stored - right.Stored);

    public static DoubleReal operator *(DoubleReal left, DoubleReal right) => new(left.Stored * right.Stored);

    public static DoubleReal operator /(DoubleReal left, DoubleReal right) => new(left.Stored / right.Stored);

    public static bool operator <=(DoubleReal left, DoubleReal right) => left.Stored <= right.Stored;

    public static bool operator >=(DoubleReal left, DoubleReal right) => left.Stored >= right.Stored;
}
