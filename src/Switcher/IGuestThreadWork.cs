namespace Lguest.Jit.Switcher;

/// <summary>
/// Something outside the Guest that has to touch its RAM, but may do so on the Guest's thread only (writes into RAM can
/// hit translated code, which must not be running then). The run loop looks before every entry and while the Guest is
/// halted; whoever makes <see cref="HasWork"/> true knocks the loop out of either.
/// </summary>
internal interface IGuestThreadWork
{
    /// <summary>Is there something to do? Cheap; callable from any thread.</summary>
    bool HasWork { get; }

    /// <summary>Does it all, so that <see cref="HasWork"/> turns false. May raise interrupts. Guest thread only.</summary>
    void RunOnGuestThread();
}
