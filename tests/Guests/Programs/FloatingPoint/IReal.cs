namespace Lguest.Jit.Guests.Programs.FloatingPoint;

/// <summary>
/// What the references of floating-point programs compute with: one account of each program serves both of its flavours. Operators round as
/// the flavour's registers do; what goes to memory is rounded to a double by <see cref="Stored"/>.
/// </summary>
/// <typeparam name="T">The type itself.</typeparam>
internal interface IReal<T>
    where T : struct, IReal<T>
{
    /// <summary>As it is in memory.</summary>
    double Stored { get; }

    static abstract T Of(double value);

    static abstract T Root(T value);

    static abstract T operator +(T left, T right);

    static abstract T operator -(T left, T right);

    static abstract T operator *(T left, T right);

    static abstract T operator /(T left, T right);

    static abstract bool operator <=(T left, T right);

    static abstract bool operator >=(T left, T right);
}
